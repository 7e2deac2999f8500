"""Answers without a block: code and texts are taken, talk is not."""

import pytest

from starcoder_cli.errors import DataError
from starcoder_cli.languages import find_language
from starcoder_cli.postprocess.bare_code import require_bare_code

DOCUMENT = "# Tool\n\nA tool.\n\nMIT\n"
CHANGED = "# Tool\n\nA small tool.\n\nMIT\n"


@pytest.mark.parametrize(
    ("text", "original", "name"),
    [
        (CHANGED, DOCUMENT, "markdown"),
        (f"{CHANGED}\nIt has no changes made by hand.\n", DOCUMENT, "markdown"),
        (f"Note that:\n\n{CHANGED}", f"Note that:\n\n{DOCUMENT}", "markdown"),
        ("Let me know.\n", "Let me know.\nOr not.\n", "text"),
        ("x = 2  # This is what it is: a number.\n", "x = 1\n", "python"),
        ("a,b\n1,2\n", "a,b\n1,3\n", "text"),
    ],
)
def test_what_is_nothing_else_is_taken(text: str, original: str, name: str) -> None:
    assert require_bare_code(f"\n{text}\n", original, find_language(name)) == text


@pytest.mark.parametrize(
    "talk",
    [
        "{}\n**Changes made:**\n\n- Added a word.\n",
        "**Updated README:**\n\n{}",
        "{}\nLet me know if you want other changes!\n",
        "Certainly!\n\n{}",
        "Here's the new text.\n\n{}",
        "The new text:\n\n{}",
        "{}\nI added the word “small”.\n",
        "{}\n(I made the sentence longer.)\n",
        "{}\nI've kept the rest.\n",
    ],
)
@pytest.mark.parametrize("name", ["markdown", "text", "tex"])
def test_talk_around_a_text_is_no_text(talk: str, name: str) -> None:
    with pytest.raises(DataError, match="the answer has no code block"):
        require_bare_code(talk.format(CHANGED), DOCUMENT, find_language(name))
