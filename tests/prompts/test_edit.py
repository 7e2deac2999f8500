"""Code, an instruction, and the new code."""

import pytest

from holes import chunked
from starcoder_cli import languages
from starcoder_cli.model import Special
from starcoder_cli.prompts.chat_formats import CHAT_FORMATS, CHATML, PLAIN
from starcoder_cli.prompts.edit import dedented, edit_prompt, ended, indented
from starcoder_cli.stream import join

PYTHON = languages.find("python")


def nothing(text: str) -> None:
    """A tokenizer without control tokens."""


def test_a_model_that_knows_commits_gets_one() -> None:
    prompt = edit_prompt("a = 1\n", "Call it b.", PYTHON, PLAIN, len)
    assert prompt.pieces == (
        "<commit_before>", "a = 1\n", "<commit_msg>", "Call it b.", "<commit_after>",
    )  # fmt: skip
    assert [type(piece) for piece in prompt.pieces] == [Special, str, Special, str, Special]
    assert prompt.stop == ("<|endoftext|>",)


@pytest.mark.parametrize("form", [CHATML, PLAIN])
def test_the_answer_of_others_is_begun_with_a_fence(form: object) -> None:
    assert form in (CHATML, PLAIN)
    prompt = edit_prompt(
        "a = 1", "Call it b.", PYTHON, CHATML if form is CHATML else PLAIN, nothing
    )
    whole = "".join(prompt.pieces)
    assert "Code:\n```python\na = 1\n```\n\nCall it b.\n" in whole
    assert whole.endswith("\n```python\n")
    assert prompt.stop[0] == "\n```"


def test_a_fence_stands_where_the_model_would_begin_its_answer() -> None:
    prompt = edit_prompt("a = 1", "Call it b.", PYTHON, CHAT_FORMATS["llama2"], nothing)
    assert "".join(prompt.pieces).endswith(" [/INST] ```python\n")


def test_a_fence_in_the_code_needs_a_longer_one() -> None:
    prompt = edit_prompt("```\n", "Go on.", PYTHON, CHATML, nothing)
    assert "".join(prompt.pieces).endswith("\n````python\n")
    assert prompt.stop[0] == "\n````"


@pytest.mark.parametrize(
    ("code", "lead", "rest"),
    [
        ("    a\n\n      b\n", "    ", "a\n\n  b\n"),
        ("\ta\n\t\tb", "\t", "a\n\tb"),
        ("\ta\n    b", "", "\ta\n    b"),
        ("a\n  b", "", "a\n  b"),
    ],
)
def test_indentation_is_taken_off_and_put_back(code: str, lead: str, rest: str) -> None:
    assert dedented(code) == (lead, rest)
    for size in range(1, len(code) + 1):
        assert join(indented(chunked(rest, size), lead)).text == code


@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize("text", ["a\n\nb", "a\n\nb\n", "a\n\nb\n\n\n"])
def test_code_ends_as_it_did(text: str, end: str) -> None:
    for size in range(1, len(text) + 1):
        assert join(ended(chunked(text, size), end)).text == "a\n\nb" + end


def test_no_code_has_no_end() -> None:
    assert join(ended(chunked("\n\n", 1), "\n")).text == ""
