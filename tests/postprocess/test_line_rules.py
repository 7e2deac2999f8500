"""A line ends an answer, with what the suffix has of the blank lines before it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holes import chunked, cut_up
from starcoder_cli.postprocess.line_rules import LineRule, until_line_matches
from starcoder_cli.stream import Chunk, collect


def rule(suffix_gap: str | None = "") -> LineRule:
    """The line that is `END` but for white space ends an answer."""
    return LineRule(
        "end",
        lambda before, line: line.strip() == "END",
        lambda line: "END".startswith(line.strip()),
        suffix_gap,
    )


@pytest.mark.parametrize(
    ("text", "line_prefix", "suffix_gap", "kept", "has_ended"),
    [
        ("a\n\nEND\nb", "", "", "a\n\n", True),
        ("a\n\nEND\nb", "", None, "a\n", True),
        ("a\n\nEND\nb", "", "\n", "a", True),
        ("a\n \n\tEND", "", "", "a\n \n", True),
        ("END", "", None, "", True),
        ("END\nb", "  ", "", "", True),
        ("END\nb", "x = ", "", "END\nb", False),
        ("END\nEND\nb", "x = ", "", "END\n", True),
        ("EN\nENDS\nb END\n", "", "", "EN\nENDS\nb END\n", False),
        ("a\n\n\n", "", "", "a\n\n\n", False),
        ("a\n\n\n", "", None, "a\n", False),
        ("a\n\n\n", "", "\n\n", "a", False),
        ("a\rEND\r\nEND\r\nb", "", "", "a\rEND\r\n", True),
        ("", "", "", "", False),
    ],
)
def test_where_an_answer_ends(
    text: str, line_prefix: str, suffix_gap: str | None, kept: str, has_ended: bool
) -> None:
    for size in range(1, len(text) + 2):
        chunks = until_line_matches(chunked(text, size), rule(suffix_gap), line_prefix)
        found = collect(chunks)
        assert (found.text, found.trimmed) == (kept, ("end",) if has_ended else ())


def test_a_line_goes_on_as_soon_as_it_cannot_end_anything() -> None:
    pieces = ["a", "b\n", "\n", "E", "N", "x", "y", "\n"]
    chunks = list(until_line_matches(cut_up(pieces), rule()))
    assert [chunk.text for chunk in chunks] == ["a", "b", "", "", "", "\n\nENx", "y", "\n"]


def test_an_answer_that_a_line_ends_has_stopped() -> None:
    chunk = Chunk("a\nEND\n", 4, "length", trimmed=("fence",))
    assert list(until_line_matches([chunk], rule(None))) == [
        Chunk("a\n", 4, "stop", trimmed=("fence", "end"))
    ]


def test_a_rule_is_told_what_stands_before_a_line() -> None:
    told = []

    def matches(before: str, line: str) -> bool:
        told.append((before, line))
        return False

    given_rule = LineRule("none", matches, lambda line: True)
    collect(until_line_matches(map(Chunk, "a\n\n  b\n"), given_rule))
    assert told == [("", "a"), ("a\n", ""), ("a\n\n", "  b"), ("a\n\n  b\n", "")]


@settings(deadline=None)
@given(st.lists(st.sampled_from(["E", "END", "\n", " ", "\r", "\f", "x"]), max_size=12))
def test_how_a_text_is_cut_makes_no_difference(pieces: list[str]) -> None:
    text = "".join(pieces)
    whole = collect(until_line_matches(chunked(text, len(text) + 1), rule()))
    found = collect(until_line_matches(cut_up(pieces or [""]), rule()))
    assert (found.text, found.trimmed) == (whole.text, whole.trimmed)
