"""Tabs and spaces of an answer, beside those of its file."""

import pytest

from starcoder_cli.postprocess.indent_kind import match_indent_kind
from starcoder_cli.stream import Chunk, collect

TABS = "def f():\n\tx = 1\n\tif x:\n\t\treturn x\n"
SPACES = TABS.replace("\t", "    ")
TWO = TABS.replace("\t", "  ")
MIXED = TABS + SPACES


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize(
    ("answer", "around", "text"),
    [
        ("x = 1\n    y = 2\n        z\n", TABS, "x = 1\n\ty = 2\n\t\tz\n"),
        ("x = 1\n  y = 2\n    z\n", TABS, "x = 1\n\ty = 2\n\t\tz\n"),
        ("x = 1\n        y = 2\n", TABS, "x = 1\n\t\ty = 2\n"),
        ("x = 1\n\ty = 2\n\t\tz\n", SPACES, "x = 1\n    y = 2\n        z\n"),
        ("x = 1\n\ty = 2\n", TWO, "x = 1\n  y = 2\n"),
        ("x = 1\n\ty = 2\n", TABS, "x = 1\n\ty = 2\n"),
        ("x = 1\n    y = 2\n", MIXED, "x = 1\n    y = 2\n"),
        ("x = 1\n    y = 2\n", "x = 1\n", "x = 1\n    y = 2\n"),
        ("x = [\n    1,  2]\n\n    \n    y\n", TABS, "x = [\n\t1,  2]\n\n    \n\ty\n"),
        ("", TABS, ""),
    ],
)
def test_an_answer_is_indented_as_its_file_is(
    answer: str, around: str, text: str, size: int
) -> None:
    pieces = [Chunk(answer[at : at + size]) for at in range(0, len(answer), size)]
    for last in ([Chunk("", 0, "stop")], []):
        read = match_indent_kind([*pieces, *last], around, at_line_start=False)
        assert collect(read).text == text


@pytest.mark.parametrize("size", [1, 1000])
def test_the_first_line_counts_where_the_hole_begins_a_line(size: int) -> None:
    answer = "    x = 1\n    y = 2\n"
    pieces = [Chunk(answer[at : at + size]) for at in range(0, len(answer), size)]
    ended = [*pieces, Chunk("", 0, "stop")]
    assert collect(match_indent_kind(ended, TABS, at_line_start=True)).text == "\tx = 1\n\ty = 2\n"
    inside = collect(match_indent_kind(ended, TABS, at_line_start=False)).text
    assert inside == "    x = 1\n\ty = 2\n"
