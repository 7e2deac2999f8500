"""Prompts as text, and where answers end whose control tokens are text."""

import pytest

from starcoder_cli.engines.endpoint.text_prompts import (
    end_texts,
    find_control_token,
    spell_prompt,
    stop_texts,
)
from starcoder_cli.model import Hole, Prompt, Special
from starcoder_cli.prompts.fim_formats import FIM_FORMATS
from starcoder_cli.stream import Chunk, collect, until_stop

HOLE = Hole("x = 1\n", "\ny = 2\n")


def test_a_prompt_as_one_text() -> None:
    prompt = Prompt((Special("▁<PRE>"), "a\udcff", Special("<|b|>")), (), "c")
    assert spell_prompt(prompt) == " <PRE>a?<|b|>c"
    assert spell_prompt(Prompt(("",), ())) == "\n"


def test_the_control_tokens_in_a_text() -> None:
    assert find_control_token("a <|im_end|> b") == "<|im_end|>"
    assert find_control_token("a <b> c") is None


@pytest.mark.parametrize("family", FIM_FORMATS)
def test_every_token_of_a_family_ends_an_answer(family: str) -> None:
    form = FIM_FORMATS[family]
    prompt = form.build_prompt(HOLE)
    for token in (*form.stop, *form.control_tokens()):
        for spelled in {token.removeprefix("▁"), token.replace("▁", " ", token.startswith("▁"))}:
            chunks = [Chunk(f"code{spelled}b.sql\n"), Chunk("more", 1, "stop")]
            found = collect(until_stop(chunks, end_texts(prompt, form)))
            assert (found.text, found.reason) == ("code", "stop")


@pytest.mark.parametrize("family", FIM_FORMATS)
def test_a_text_about_control_tokens_may_go_on_about_them(family: str) -> None:
    form = FIM_FORMATS[family]
    for token in (*form.stop, *form.control_tokens()):
        bare = token.removeprefix("▁")
        for hole in (Hole(f"{HOLE.prefix}# {bare}\n", HOLE.suffix), Hole("", f"'{bare}'\n")):
            prompt = form.build_prompt(hole)
            ends, stops = end_texts(prompt, form), stop_texts(prompt, form)
            assert not [each for each in (*ends, *stops) if each.strip() == bare]
            assert ends


def test_no_family_no_stops_but_those_of_the_prompt() -> None:
    prompt = Prompt(("a",), (Special("<|eot_id|>"), "User:"))
    assert (stop_texts(prompt, None), end_texts(prompt, None)) == ([], ("<|eot_id|>",))
    assert end_texts(Prompt(("a",), ()), None) == ()
