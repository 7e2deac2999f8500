"""Code, an instruction, and the new code."""

import pytest

from holes import chunked
from starcoder_cli import languages
from starcoder_cli.model import Prompt, Special
from starcoder_cli.prompts.chat_formats import CHAT_FORMATS, CHATML, PLAIN_CHAT
from starcoder_cli.prompts.edit import (
    EditPrompt,
    build_edit_prompt,
    replace_final_newlines,
)
from starcoder_cli.stream import collect

PYTHON = languages.find_language("python")


def nothing(text: str) -> bool:
    """A tokenizer without control tokens."""
    return False


def spelled(asked: EditPrompt) -> Prompt:
    """A question that is a prompt."""
    assert isinstance(asked.question, Prompt)
    return asked.question


def test_a_model_that_knows_commits_gets_one() -> None:
    prompt = spelled(
        build_edit_prompt("a = 1\n", "Call it b.", PYTHON, PLAIN_CHAT, lambda text: True)
    )
    assert prompt.pieces == (
        "<commit_before>", "a = 1\n", "<commit_msg>", "Call it b.", "<commit_after>",
    )  # fmt: skip
    assert [type(piece) for piece in prompt.pieces] == [Special, str, Special, str, Special]
    assert prompt.stop == ("<|endoftext|>",)


@pytest.mark.parametrize("form", [CHATML, PLAIN_CHAT])
def test_the_answer_of_others_is_begun_with_a_fence(form: object) -> None:
    assert form in (CHATML, PLAIN_CHAT)
    prompt = build_edit_prompt(
        "a = 1", "Call it b.", PYTHON, CHATML if form is CHATML else PLAIN_CHAT, nothing
    )
    whole = "".join(spelled(prompt).pieces)
    assert "Code:\n```python\na = 1\n```\n\nCall it b.\n" in whole
    assert whole.endswith("\n```python\n")
    assert prompt.stop[0] == "\n```"


def test_a_fence_stands_where_the_model_would_begin_its_answer() -> None:
    prompt = build_edit_prompt("a = 1", "Call it b.", PYTHON, CHAT_FORMATS["llama2"], nothing)
    assert "".join(spelled(prompt).pieces).endswith(" [/INST] ```python\n")


def test_a_fence_in_the_code_needs_a_longer_one() -> None:
    prompt = build_edit_prompt("```\n", "Go on.", PYTHON, CHATML, nothing)
    assert "".join(spelled(prompt).pieces).endswith("\n````python\n")
    assert prompt.stop[0] == "\n````"


@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize("text", ["a\n\nb", "a\n\nb\n", "a\n\nb\n\n\n"])
def test_code_ends_as_it_did(text: str, end: str) -> None:
    for size in range(1, len(text) + 1):
        assert collect(replace_final_newlines(chunked(text, size), end)).text == "a\n\nb" + end


def test_no_code_has_no_end() -> None:
    assert collect(replace_final_newlines(chunked("\n\n", 1), "\n")).text == ""
