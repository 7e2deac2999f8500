"""Marks around a whole answer are no part of it, however it is cut up."""

import pytest

from holes import chunked
from starcoder_cli.model import Hole
from starcoder_cli.postprocess.answer_marks import ANSWER_MARKS, drop_answer_marks
from starcoder_cli.stream import Chunk, collect, prepend

CODE = "    return a + b\n"
HOLE = Hole("def add(a, b):\n", "\n\ndef sub(a, b):\n")


def read(text: str, size: int, hole: Hole = HOLE, reason: str = "stop") -> str:
    """What is left of an answer in pieces of so many characters."""
    ended = chunked(text, size, "length" if reason == "length" else "stop")
    return collect(drop_answer_marks(hole, ended)).text


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize(("opener", "closer"), ANSWER_MARKS)
def test_marks_around_an_answer_are_left_out(opener: str, closer: str, size: int) -> None:
    for lead in ("", "\n", " \n"):
        for text in (f"{opener}\n{CODE}{closer}", f"{opener}{CODE}{closer}\nDone."):
            assert read(lead + text, size) == CODE
    assert read(opener + CODE, size, reason="length") == CODE
    assert read(opener + closer, size) == read(opener, size) == ""


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize(
    "text",
    [CODE, "\n\n" + CODE, "", "  ", "<ans", "<|begin", "a < b\n", "x = '<answer>'\n", "</answer>"],
)
def test_other_answers_stay(text: str, size: int) -> None:
    assert read(text, size) == text


@pytest.mark.parametrize(
    ("prefix", "suffix"),
    [
        ("<quiz>\n", "</quiz>\n"),
        ("const a = <p>hello</p>;\n", ""),
        ("TAG = '<answer>'\n", ""),
        ("", "END = '<|end_of_solution|>'\n"),
    ],
)
def test_where_such_marks_are_code_they_stay(prefix: str, suffix: str) -> None:
    text = "<answer>\n4\n</answer>\n"
    assert read(text, 3, Hole(prefix, suffix)) == text


def test_an_answer_without_an_end_is_whole() -> None:
    for pieces, whole in ((("<answer>", "x", "</ans"), "x</ans"), (("<ans",), "<ans")):
        chunks = prepend("", [Chunk(piece) for piece in pieces])
        assert collect(drop_answer_marks(HOLE, chunks)).text == whole
