"""Documents under a storm of edits, beside a text that is cut by a count of every character."""

import re
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from starcoder_cli.lsp.documents import Change, Document, Place, split_lines
from starcoder_cli.lsp.positions import ENCODINGS, PositionEncoding, count_units

TEXTS = st.text(st.sampled_from("ab\n\r\té😀\x0c\u2028\ud83d"), max_size=12)
NUMBERS = st.integers(-1, 14)


@dataclass(frozen=True)
class Position:
    """A position as a client sends it."""

    line: int
    character: int


@dataclass(frozen=True)
class Range:
    """A range as a client sends it."""

    start: Position
    end: Position


POSITIONS = st.builds(Position, NUMBERS, NUMBERS)
EDITS = st.tuples(st.builds(Range, POSITIONS, POSITIONS), TEXTS)


def offset_in(text: str, position: Position, encoding: PositionEncoding) -> int:
    """Where a position is in a text, line end by line end and character by character."""
    offset, line = 0, 0
    while line < position.line:
        end = re.compile("\r\n|\r|\n").search(text, offset)
        if not end:
            return len(text)
        offset, line = end.end(), line + 1
    begin = offset
    while offset < len(text) and text[offset] not in "\r\n":
        if count_units(text[begin : offset + 1], encoding) > position.character:
            break
        offset += 1
    return offset


@settings(deadline=None)
@given(TEXTS, st.lists(EDITS, max_size=8), st.sampled_from(ENCODINGS))
def test_a_storm_of_edits_leaves_the_text_that_they_make(
    text: str, edits: list[tuple[Range, str]], encoding: PositionEncoding
) -> None:
    document = Document("untitled:a", text, encoding)
    for where, written in edits:
        start = offset_in(text, where.start, encoding)
        end = max(start, offset_in(text, where.end, encoding))
        assert document.offset_at(where.start) == start
        before = document.line_count
        change = document.replace(where, written)
        text = text[:start] + written + text[end:]
        assert document.text == text
        assert document.line_count == before - change.removed + change.written
        assert [document.lines_between(n, n + 1) for n in range(document.line_count)] == (
            split_lines(text)
        )


@settings(deadline=None)
@given(TEXTS, POSITIONS, st.sampled_from(ENCODINGS))
def test_a_place_as_the_client_counts_leads_back_to_it(
    text: str, position: Position, encoding: PositionEncoding
) -> None:
    document = Document("untitled:a", text, encoding)
    place = document.place_at(position)
    again = Position(place.line, document.units_before(place))
    assert document.place_at(again) == place


def test_a_line_feed_behind_a_carriage_return_makes_one_line_end() -> None:
    document = Document("untitled:a", "a\rb", "utf-16")
    where = Range(Position(1, 0), Position(1, 0))
    assert document.replace(where, "\n") == Change(0, 2, 2)
    assert (document.text, document.line_count) == ("a\r\nb", 2)


def test_only_the_line_ends_of_the_protocol_end_lines() -> None:
    assert split_lines("a\x0cb\u2028c\x85d\n") == ["a\x0cb\u2028c\x85d\n", ""]


def test_all_of_it_may_be_replaced() -> None:
    document = Document("untitled:a", "a\nb", "utf-16", 3, "go")
    assert document.replace_all("c") == Change(0, 2, 1)
    assert (document.text, document.line_before(Place(0, 1))) == ("c", "c")
    assert (document.version, document.language_id) == (3, "go")
