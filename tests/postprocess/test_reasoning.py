"""What a model thinks is no part of its answer, however it is marked and cut up."""

import re
from collections.abc import Iterator

import pytest

from starcoder_cli.model import Hole
from starcoder_cli.postprocess import reasoning
from starcoder_cli.postprocess.reasoning import (
    split_reasoning,
    split_reasoning_in,
    without_reasoning,
)
from starcoder_cli.postprocess.reasoning_marks import CLOSERS, MARKS, UNSURE_MARKS, closer_pattern
from starcoder_cli.stream import Chunk, Completion, collect, prepend

DRAFT = "A first idea:\n```python\nWRONG = 1\n```\nNo.\n"
ANSWER = "```python\nRIGHT = 1\n```\n"
SIZES = (1, 2, 5, 1000)


def split(text: str, size: int, may_be_open: bool = False, reason: str = "stop") -> Completion:
    """An answer in pieces of so many characters, after it was split."""

    def chunks() -> Iterator[Chunk]:
        yield from (Chunk(text[at : at + size]) for at in range(0, len(text), size))
        yield Chunk("", 0, "length" if reason == "length" else "stop")

    return collect(split_reasoning(chunks(), may_be_open))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("opener", "closer"), MARKS)
@pytest.mark.parametrize("may_be_open", [False, True])
def test_what_is_marked_is_left_out(opener: str, closer: str, size: int, may_be_open: bool) -> None:
    read = split(f"\n{opener}\n{DRAFT}{closer}\n\n{ANSWER}", size, may_be_open)
    assert (read.text, read.reasoning_content, read.reason) == (ANSWER, f"\n{DRAFT}", "stop")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("opener", "closer"), UNSURE_MARKS)
@pytest.mark.parametrize("may_be_open", [False, True])
def test_two_marks_that_could_be_text_are_a_draft_only_together(
    opener: str, closer: str, size: int, may_be_open: bool
) -> None:
    draft = f"{opener}We need this:\n\n```\nx = 0\n```\n\nBetter not."
    read = split(f"{draft}{closer}{ANSWER}", size, may_be_open)
    assert (read.text, read.reasoning_content) == (ANSWER, draft)
    for text in (f"{opener} = 1\n", f"{opener}(x)\n{ANSWER}", opener):
        assert split(text, size, may_be_open).text == text


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("end", ["\n</think>\n\n", "</think>\n", "\n</think>"])
def test_what_a_template_opened_ends_at_the_mark_that_closes_nothing(size: int, end: str) -> None:
    read = split(f"{DRAFT.rstrip()}{end}{ANSWER}", size, may_be_open=True)
    assert (read.text, read.reasoning_content.strip()) == (ANSWER, DRAFT.strip())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "text",
    [
        "<think></think>\n\nYes.",
        "<think>\n\n</think>\n\nYes.",
        "</think>\n\nYes.",
        f"{'</think>' * 2000}Yes.",
        f"{'<think></think>' * 500}Yes.",
        "<think>a</think>Yes.",
        "<think>a</think>\n<think>b</think> Yes.",
        "<think>\nIt ends at `</think>` or '</think>'.\n</think>\nYes.",
        "<think>\n```\nx = f('</think>')\n<think>\n</think>\n```\n</think>\nYes.",
        "<think>\n```\nan open block\n</think>\nYes.",
        "<think>\n```\nan open block\n\nThat is wrong.</think>\nYes.",
        "<think><think>a</think>b</think>Yes.",
        "<think>\n<think>\na</think>\n```\nx = 1\n```\n</think>Yes.",
        "<think>\n <think>\n<think>a</think></think>\nb</think>\nYes.",
        "<think>\n<think>\nopened twice, closed once\n</think>\nYes.",
    ],
)
def test_where_it_ends(text: str, size: int) -> None:
    assert split(text, size).text == "Yes."
    assert split(text, size, may_be_open=True).text == "Yes."


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("begin", ["", "<think>\n"])
@pytest.mark.parametrize(
    "draft",
    [
        "Hm.\n```python\nDRAFT\n\nThat is wrong.</think>\n\n",
        "Hm.\n```python\nDRAFT\n\nThat is wrong.</think>  \n",
        "Hm.\n```python\nDRAFT\n</think>",
        "Hm.\n```python\nDRAFT\n```\nOr:\n```python\nDRAFT, so no.</think>\nThis:\n",
    ],
)
def test_a_block_that_a_draft_leaves_open_is_not_the_answer(
    draft: str, begin: str, size: int
) -> None:
    answer = "```python\nreturn x\n```\n"
    read = split(begin + draft + answer, size, may_be_open=True)
    assert read.text.lstrip() in (answer, f"This:\n{answer}")
    assert "DRAFT" in read.reasoning_content


@pytest.mark.parametrize("size", SIZES)
def test_a_draft_that_is_cut_off_in_code_with_a_mark_is_no_answer(size: int) -> None:
    text = "<think>\n```jsx\nreturn DRAFT</think>\n  more"
    assert split(text, size, may_be_open=True, reason="length").text == ""


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "text",
    [
        "```jsx\nreturn a</think>\n```\n",
        "```jsx\nreturn a</think>\n```\nOr:\n```jsx\nreturn b</think>\n```\n",
    ],
)
def test_a_mark_in_a_block_that_ends_is_code(text: str, size: int) -> None:
    assert split(text, size, may_be_open=True).text == text


@pytest.mark.parametrize("size", SIZES)
def test_in_a_hole_marks_are_code_where_they_surround_it(size: int) -> None:
    text = "<think>\nhm\n</think>\n    x = 1\n"

    def read(hole: Hole) -> str:
        chunks = (Chunk(text[at : at + size]) for at in range(0, len(text), size))
        ended = prepend("", [*chunks, Chunk("", 0, "stop")])
        return collect(split_reasoning_in(hole, ended, reasons=False)).text

    assert read(Hole("def f():\n", "    return x\n")) == "    x = 1\n"
    assert read(Hole("END = '</think>'\n", "")) == read(Hole("", "<think>")) == text


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("around", "text", "left"),
    [
        ("# reads <reflection>\n", "<think>\nhm\n</think>\nx = 1\n", "x = 1\n"),
        ("# reads <reflection>\n", "hm\n</think>\nx = 1\n", "x = 1\n"),
        ("# reads <think>\n", "<think>\nhm\n</think>\nx = 1\n", "x = 1\n"),
        ("# reads <think>\n", "<think>\nhm\n</think>\n", None),
        ("# reads <think>\n", "<think>\nhm\n", None),
        ("# reads <think>\n", "x = (\n<think>hm</think>\n)\n", None),
        ("# reads <think>\n", "hm</think>\n", None),
        ("# reads <think>\n", "<reflection>hm</reflection>x = 1\n", "x = 1\n"),
        ("# reads <think>\n", "hm</reflection>x = 1\n", "x = 1\n"),
        ("".join(opener for opener, _ in MARKS), "<think>hm</think>x = 1\n", "x = 1\n"),
        ("".join(opener for opener, _ in MARKS), "x = </think>\n", None),
        ("".join(opener for opener, _ in MARKS[:15]), "x = 1\n", None),
    ],
)
def test_a_model_that_reasons_drafts_in_a_file_with_marks_too(
    around: str, text: str, left: str | None, size: int
) -> None:
    """A mark of the file is code, unless it begins an answer that goes on after it is closed."""
    chunks = [Chunk(text[at : at + size]) for at in range(0, len(text), size)]
    ended = prepend("", [*chunks, Chunk("", 0, "stop")])
    read = collect(split_reasoning_in(Hole(around, ""), ended, reasons=True)).text
    assert read == (text if left is None else left)


def test_a_draft_that_is_cut_off_is_no_answer_in_a_file_with_marks_either() -> None:
    cut = prepend("", [Chunk("<think>\nhm"), Chunk("", 0, "length")])
    read = collect(split_reasoning_in(Hole("# reads <think>\n", ""), cut, reasons=True))
    assert (read.text, read.reasoning_content) == ("", "\nhm")


RIGHT = (
    "Use `<think>` and `</think>`.\n",
    "```python\nEND = '</think>'\n```\n",
    "```python\nTEXT = '''\n<think>\nhm\n</think>\n'''\n```\n",
    "```html\n<p>\n<think>x</think>\n</p>\n```\nIt has <think>…</think> in it.\n",
    "a < b\n",
    "[T for T in x]\n",
    "<thin",
    "  indented\n",
    "",
)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("text", RIGHT)
@pytest.mark.parametrize("may_be_open", [False, True])
def test_marks_in_a_right_answer_are_its_own(text: str, size: int, may_be_open: bool) -> None:
    read = split(text, size, may_be_open)
    assert (read.text, read.reasoning_content) == (text, "")
    assert split(f"<think>\n{DRAFT}</think>\n\n{text}", size).text == text
    assert split(f"<think>\n{DRAFT}</think> {text}", size).text == text


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("indent", ["    ", "  ", "\t", "\t\t", "        "])
@pytest.mark.parametrize(("opener", "closer"), MARKS)
def test_behind_a_mark_an_answer_is_indented(
    opener: str, closer: str, indent: str, size: int
) -> None:
    assert split(f"{opener}hm{closer}{indent}return a\n", size).text == f"{indent}return a\n"


@pytest.mark.parametrize("size", SIZES)
def test_thoughts_that_never_end_are_no_answer(size: int) -> None:
    read = split(f"<think>\n{DRAFT}", size, reason="length")
    assert (read.text, read.reason) == ("", "length")
    assert read.reasoning_content == f"\n{DRAFT}"


def test_an_answer_arrives_while_it_is_made_where_nothing_was_opened() -> None:
    chunks = split_reasoning(iter([Chunk("Yes"), Chunk(", it"), Chunk(" is.", 1, "stop")]), False)
    assert [chunk.text for chunk in chunks] == ["Yes", ", it", " is."]


def test_an_answer_whose_server_tells_the_thoughts_apart_is_not_held_back() -> None:
    made = [Chunk("", reasoning_content="hm"), Chunk("Yes"), Chunk(" it", 1, "stop")]
    assert [chunk.text for chunk in split_reasoning(made, True)] == ["", "Yes", " it"]
    assert collect(split_reasoning(made, True)).reasoning_content == "hm"


def test_every_token_is_counted_and_closing_closes() -> None:
    read = split(f"<think>{DRAFT}</think>{ANSWER}", 3)
    assert read.tokens == -(-len(f"<think>{DRAFT}</think>{ANSWER}") // 3)
    closed: list[bool] = []

    def endless() -> Iterator[Chunk]:
        try:
            while True:
                yield Chunk("<think>")
        finally:
            closed.append(True)

    chunks = split_reasoning(endless(), False)
    next(chunks)
    chunks.close()
    assert closed == [True]


def test_a_whole_text() -> None:
    assert without_reasoning(f"{DRAFT}</think>\n\nYes.") == "Yes."
    assert without_reasoning("Yes.") == "Yes."


def test_many_lines_are_read_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left was copied for each line, and searched for each mark by itself."""
    searched = 0
    pattern = closer_pattern(CLOSERS)

    class Counting:
        """The pattern, which counts the characters that it is given."""

        def finditer(self, line: str) -> Iterator[re.Match[str]]:
            nonlocal searched
            searched += len(line) + 1
            return pattern.finditer(line)

        def findall(self, text: str) -> list[str]:
            return pattern.findall(text)

    monkeypatch.setattr(reasoning, "closer_pattern", lambda closers: Counting())
    text = "so it is\n" * 5000
    assert without_reasoning(text + "</think>x") == "x"
    assert searched <= 2 * len(text)
