"""An answer of one line ends with it, or where the rest of its line begins again."""

import pytest

from holes import chunked, cut_up
from starcoder_cli import languages
from starcoder_cli.model import Hole
from starcoder_cli.postprocess.single_line import (
    find_rest_of_line,
    first_whole_line,
    until_line_end,
)
from starcoder_cli.postprocess.trim import trim_answer
from starcoder_cli.stream import Chunk, collect


@pytest.mark.parametrize(
    ("answer", "kept", "names"),
    [
        ("    a\n    b\n", "    a\n", ("line",)),
        ("\n\n    a\n    b", "    a\n", ("line",)),
        ("    a\n", "    a\n", ("line",)),
        ("    a", "    a\n", ()),
        ("", "", ()),
        ("\n\n", "", ()),
    ],
)
def test_one_line_between_lines_is_a_whole_one(
    answer: str, kept: str, names: tuple[str, ...]
) -> None:
    hole = Hole("def f():\n", "    c\n")
    for size in range(1, len(answer) + 2):
        found = collect(
            trim_answer(chunked(answer, size), hole, languages.find_language("python"), "one")
        )
        assert (found.text, found.trimmed) == (kept, names)


@pytest.mark.parametrize(
    ("line", "rest", "kept"),
    [
        ("a, b)", ")", "a, b"),
        ("f(a), b)", ")", "f(a), b"),
        ("len(a), b))", "))", "len(a), b"),
        ("a)  # more", "):", "a"),
        ('")", b)', ")", '")", b'),
        (r"'\')', b)", ")", r"'\')', b"),
        ("2,", ", 3]", "2"),
        ("a + b", " + b", "a"),
        ("a b", " c", "a b"),
        ("f(x", ")", "f(x"),
        ("f(x))", ")", "f(x)"),
        ("a;", "", "a;"),
        ("", ")", ""),
    ],
)
def test_where_the_rest_of_a_whole_line_begins_again(line: str, rest: str, kept: str) -> None:
    assert line[: find_rest_of_line(line, rest, is_complete=True)] == kept


def test_punctuation_at_the_end_of_half_a_line_decides_nothing() -> None:
    assert find_rest_of_line("2,", ", 3]", is_complete=False) == 2
    assert find_rest_of_line("2, 3]", ", 3]", is_complete=False) == 1


@pytest.mark.parametrize(
    ("text", "rest", "kept", "trimmed"),
    [
        ("1 + 2\nprint(b)", "", "1 + 2", ("line",)),
        ("1 + 2", "", "1 + 2", ()),
        ("1, 2)\nprint(b)", ")", "1, 2", ("suffix",)),
        ("a  # tw", "  # twice", "a  # tw", ()),
        ("a  # twice, then", "  # twice", "a", ("suffix",)),
        ("", ")", "", ()),
        ("\n", ")", "", ("line",)),
    ],
)
def test_an_answer_inside_a_line_ends_with_it(
    text: str, rest: str, kept: str, trimmed: tuple[str, ...]
) -> None:
    for size in range(1, len(text) + 2):
        found = collect(until_line_end(chunked(text, size), rest))
        assert (found.text, found.trimmed) == (kept, trimmed)


def test_what_may_be_the_rest_of_the_line_waits() -> None:
    chunks = until_line_end(cut_up(["a", " #", " tw", "o", "\n"]), " # twice")
    assert [chunk.text for chunk in chunks] == ["a", "", "", " # two", ""]


def test_the_first_line_is_whole_even_where_a_model_does_not_say_that_it_ends() -> None:
    assert list(first_whole_line([Chunk("\n\n"), Chunk("a")])) == [
        Chunk(""),
        Chunk("a"),
        Chunk("\n", 0, "stop"),
    ]
    assert list(first_whole_line([Chunk("\n")])) == [Chunk("")]
    assert list(first_whole_line([Chunk("a", reason="length")])) == [Chunk("a\n", reason="length")]
