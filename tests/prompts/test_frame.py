"""Gaps that clients spell themselves: what is read back, and what stays text."""

import pytest

from starcoder_cli.files.source import FileMetadata
from starcoder_cli.model import Hole
from starcoder_cli.prompts.fim import Document
from starcoder_cli.prompts.fim_formats import FIM_FORMATS
from starcoder_cli.prompts.frame import Frame, read_frame

HOLE = Hole("def f(x):\n    return ", "\n\nprint(f(1))\n")
FILES = (Document("a.py", "a = 1\n"), Document("lib/b.py", "b = 2\n\nb += 1\n"))
NAMES = FileMetadata("src/f.py", "owner/name")

WITH_NAMED_FILES = ("qwen2.5-coder", "starcoder2")
"""Families whose other files stand behind a control token each; elsewhere they are plain text."""


def read(text: str, family: str) -> Frame | None:
    """What a text spells in a family's format."""
    return read_frame(text, FIM_FORMATS[family])


@pytest.mark.parametrize("order", ["psm", "spm"])
@pytest.mark.parametrize("family", FIM_FORMATS)
def test_what_a_family_writes_is_read_back(family: str, order: str) -> None:
    form = FIM_FORMATS[family]
    for hole in (HOLE, Hole("", "x\n"), Hole("x = ", ""), Hole("", ""), Hole("<b>\n", " <|a|> \n")):
        text = str(form.build_prompt(hole, order="spm" if order == "spm" else "psm"))
        spaced = family in ("codellama", "aixcoder")
        found = read(text.replace("▁", " ") if spaced else text, family)
        assert found == Frame(hole, FileMetadata(), ())


@pytest.mark.parametrize("order", ["psm", "spm"])
@pytest.mark.parametrize("family", WITH_NAMED_FILES)
def test_other_files_and_names_are_read_along(family: str, order: str) -> None:
    form = FIM_FORMATS[family]
    text = str(form.build_prompt(HOLE, NAMES, "spm" if order == "spm" else "psm", FILES))
    found = read(text, family)
    assert found and found.documents == FILES and found.names.repository == "owner/name"
    assert (found.hole.prefix.endswith(HOLE.prefix), found.hole.suffix) == (True, HOLE.suffix)
    assert family == "starcoder2" or found == Frame(HOLE, NAMES, FILES)


def test_names_behind_the_prefix_token() -> None:
    spelled = "<fim_prefix><reponame>o/n<filename>f.py<gh_stars>100\nx = <fim_suffix>\n<fim_middle>"
    assert read(spelled, "starcoder") == Frame(Hole("x = ", "\n"), FileMetadata("f.py", "o/n"), ())
    late = "<fim_prefix><fim_suffix>\n<fim_middle><filename>f.py\nx = "
    assert read(late, "starcoder") == Frame(Hole("x = ", "\n"), FileMetadata("f.py"), ())


@pytest.mark.parametrize(
    ("text", "prefix"),
    [
        ("<|fim_suffix|>\n<|fim_prefix|>x = <|fim_middle|>", "x = "),
        ("<|fim_prefix|>x = <|fim_suffix|>\n<|fim_middle|>f(", "x = f("),
        ("\n<|fim_prefix|>x = <|fim_suffix|>\n<|fim_middle|>", "x = "),
    ],
)
def test_other_orders_of_the_same_tokens(text: str, prefix: str) -> None:
    assert read(text, "qwen2.5-coder") == Frame(Hole(prefix, "\n"), FileMetadata(), ())


def test_a_mark_of_a_space_may_be_spelled_out() -> None:
    text = "▁<AIX-SPAN-PRE>▁<AIX-SPAN-POST>\n▁<AIX-SPAN-MIDDLE>def f():"
    assert read(text, "aixcoder") == Frame(Hole("def f():", "\n"), FileMetadata(), ())


def test_codellama_is_spelled_with_spaces() -> None:
    found = read("<PRE> def f(): <SUF>\n <MID>", "codellama")
    assert found == Frame(Hole("def f():", "\n"), FileMetadata(), ())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x = 1\n",
        "<|fim_prefix|>",
        "<|fim_prefix|>x<|fim_suffix|>",
        "<|fim_prefix|>x<|fim_middle|>",
        "<|fim_suffix|>x<|fim_middle|>",
        "x<|fim_prefix|>y<|fim_suffix|><|fim_middle|>",
        "<|fim_prefix|>x<|fim_prefix|>y<|fim_suffix|><|fim_middle|>",
        "<|fim_prefix|>x<|fim_suffix|>y<|fim_middle|><|fim_middle|>",
        "<|fim_prefix|>x<|endoftext|>y<|fim_suffix|><|fim_middle|>",
        "<|fim_prefix|>x<|fim_suffix|>y<|fim_middle|><|im_end|>",
        "<|im_start|><|fim_prefix|>x<|fim_suffix|>y<|fim_middle|>",
        "<fim_prefix>x<fim_suffix>y<fim_middle>",
        "<|repo_name|>r\n<|file_sep|>a.py\na = 1\n",
    ],
)
def test_anything_else_stays_text(text: str) -> None:
    assert read(text, "qwen2.5-coder") is None
