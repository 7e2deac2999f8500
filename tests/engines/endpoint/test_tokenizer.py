"""Prompts as ids by a server's tokenizer: one id for a control token, and none out of a text."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sites import FIRST, NAMES, tokens, written
from starcoder_cli.engines.endpoint.tokenizer import (
    CONTROL_TOKEN_PATTERN,
    RemoteTokenizer,
    TokenTexts,
    all_control_tokens,
)
from starcoder_cli.errors import ProtocolError
from starcoder_cli.model import Prompt, Special

ADDED = 300_000


def like_vllm(text: str, opening: bool, control: bool) -> TokenTexts:
    """Tokens of a server that reads control tokens whether it is asked to or not."""
    return [(each, written(each)) for each in tokens(text, True)]


PIECES = st.lists(st.sampled_from([*NAMES, "<", "|", "<|fim", "_middle|>", "a"]), max_size=12)


@given(PIECES)
@settings(deadline=None)
def test_no_text_becomes_a_control_token(pieces: list[str]) -> None:
    text = "".join(pieces)
    ids = RemoteTokenizer(like_vllm).encode_text(text)
    assert max(ids, default=0) < FIRST
    assert "".join(map(written, ids)) == text


@pytest.mark.parametrize("control_is_asked", [True, False], ids=["llama.cpp", "vLLM"])
def test_many_control_tokens_take_few_requests(control_is_asked: bool) -> None:
    """A request for each of them took minutes, and ended in a RecursionError."""
    asked: list[str] = []

    def tokenize(text: str, opening: bool, control: bool) -> TokenTexts:
        asked.append(text)
        # Both read a token that the user of the model defined, asked or not.
        parts = re.split("(<added>)", text)
        return [
            token
            for part in parts
            for token in (
                [(ADDED, part)]
                if part == "<added>"
                else [
                    (each, written(each)) for each in tokens(part, control or not control_is_asked)
                ]
            )
        ]

    text = "".join(f"{number} # {NAMES[number % len(NAMES)]}<added>\n" for number in range(3000))
    ids = RemoteTokenizer(tokenize).encode_text(text)
    assert max(ids) < FIRST
    assert "".join(map(written, ids)) == text
    assert len(asked) <= 4


def test_control_tokens_that_come_to_light_when_others_are_cut() -> None:
    names = ["<fim_middle>", "<x>"]
    for _ in range(10):
        names.append(f"<x{names[-1]}>")
    by_length = "|".join(map(re.escape, reversed(names)))
    asked: list[str] = []

    def tokenize(text: str, opening: bool, control: bool) -> TokenTexts:
        asked.append(text)
        return [
            (ADDED + names.index(part) if part in names else ord(part), part)
            for part in re.findall(f"{by_length}|.", text, re.DOTALL)
        ]

    ids = RemoteTokenizer(tokenize).encode_text(names[-1] * 2)
    assert "".join(map(chr, ids)) == names[-1] * 2
    assert 10 < len(asked) <= 32


@pytest.mark.parametrize("reading", ["a new one each time", "no separator"])
def test_a_text_that_cannot_be_cut_is_an_error(reading: str) -> None:
    text = "".join(f"<a{number}>" for number in range(100))
    asked: list[str] = []

    def tokenize(text: str, opening: bool, control: bool) -> TokenTexts:
        asked.append(text)
        is_unread = reading == "no separator" and len(asked) > 1
        return [(len(asked), "x" if is_unread else f"<a{len(asked)}>")]

    with pytest.raises(ProtocolError, match="reads control tokens in the text however it is cut"):
        RemoteTokenizer(tokenize).encode_text(text)
    assert len(asked) == (3 if reading == "no separator" else 32)


def test_control_tokens_have_one_id_each() -> None:
    spelling = RemoteTokenizer(like_vllm)
    assert spelling.token_id("<fim_middle>") == FIRST + NAMES.index("<fim_middle>")
    assert spelling.token_id("<unheard>") is None
    prompt = Prompt((Special("<fim_prefix>"), "a<fim_prefix>", Special("<fim_middle>")), (), "b")
    ids = spelling.encode(prompt)
    assert "".join(map(written, ids)) == "<fim_prefix>a<fim_prefix><fim_middle>b"
    assert len([each for each in ids if each >= FIRST]) == 2


def test_a_control_token_that_the_model_does_not_have_is_an_error() -> None:
    with pytest.raises(ProtocolError) as caught:
        RemoteTokenizer(like_vllm).encode(Prompt((Special("<unheard>"),)))
    assert str(caught.value) == "the endpoint's model has no token '<unheard>'; see --fim"


def test_control_tokens_are_asked_for_once_and_all_together() -> None:
    asked: list[tuple[str, bool, bool]] = []

    def tokenize(text: str, opening: bool, control: bool) -> TokenTexts:
        asked.append((text, opening, control))
        return like_vllm(text, opening, control)

    spelling = RemoteTokenizer(tokenize)
    for _ in range(3):
        assert spelling.token_id("<fim_middle>")
        assert spelling.token_id("<unheard>") is None
    assert asked == [("".join(all_control_tokens()), False, True), ("<unheard>", False, True)]


@pytest.mark.parametrize(
    ("opened", "alone", "bos"),
    [
        ([1, 97], [97], [1]),
        ([1, 2, 97], [97], [1, 2]),
        ([97], [97], []),
        ([1, 98], [97], []),  # the letter itself is another token at the beginning
        ([97, 2], [97], []),
    ],
)
def test_what_begins_every_prompt_is_found_by_comparing(
    opened: list[int], alone: list[int], bos: list[int]
) -> None:
    asked: list[bool] = []

    def tokenize(text: str, opening: bool, control: bool) -> TokenTexts:
        asked.append(opening)
        return [(each, "") for each in (opened if opening else alone)]

    spelling = RemoteTokenizer(tokenize)
    assert [spelling.bos_ids(), spelling.bos_ids()] == [bos, bos]
    assert spelling.encode(Prompt(())) == bos
    assert asked == [True, False]


@pytest.mark.parametrize(
    ("text", "is_control"),
    [
        ("<fim_middle>", True),
        ("<|im_end|>", True),
        ("<｜fim▁hole｜>", True),
        ("▁<EOT>", True),
        ("[INST]", True),
        ("[/SUFFIX]", True),
        ("<>", False),
        ("<!--", False),
        ("->", False),
        ("[]", False),
        ("[a]", False),
        ("a", False),
    ],
)
def test_which_tokens_look_like_control_tokens(text: str, is_control: bool) -> None:
    assert bool(CONTROL_TOKEN_PATTERN.fullmatch(text)) is is_control


def test_every_control_token_of_ours_looks_like_one() -> None:
    names = all_control_tokens()
    assert names == sorted(set(names)) and set(NAMES) & set(names)
    assert [name for name in names if not CONTROL_TOKEN_PATTERN.fullmatch(name)] == []
