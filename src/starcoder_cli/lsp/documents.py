"""The text of a document that a client has open, as its edits make it.

Lines end as the protocol says, with LF, CRLF or CR: not where Python would split, such as at a
form feed. Positions that are not in the text mean the nearest that is.
"""

import re
from dataclasses import dataclass

from starcoder_cli.lsp.positions import (
    LinePosition,
    LineRange,
    PositionEncoding,
    character_at,
    count_units,
)

LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")


@dataclass(frozen=True)
class Place:
    """A line and the index of a character in it, both from 0."""

    line: int
    character: int


@dataclass(frozen=True)
class Change:
    """Where an edit was made: its first line, and how many lines it removed and wrote."""

    line: int
    removed: int
    written: int


class Document:
    """An open document; `version` is what its client counts, None where it does not."""

    def __init__(
        self,
        uri: str,
        text: str,
        encoding: PositionEncoding,
        version: int | None = None,
        language_id: str = "",
    ) -> None:
        self.uri = uri
        self.version = version
        self.language_id = language_id
        self._encoding = encoding
        self._lines = split_lines(text)

    @property
    def text(self) -> str:
        """All of its text."""
        return "".join(self._lines)

    @property
    def line_count(self) -> int:
        """How many lines it has; the empty one after a final line end is one too."""
        return len(self._lines)

    def lines_between(self, first: int, end: int) -> str:
        """The text of some lines, counted from 0, the end exclusive."""
        return "".join(self._lines[max(0, first) : end])

    def replace_all(self, text: str) -> Change:
        """Give it another text."""
        removed, self._lines = len(self._lines), split_lines(text)
        return Change(0, removed, len(self._lines))

    def replace(self, where: LineRange, text: str) -> Change:
        """Put a text in the place of a range."""
        start, end = self.place_at(where.start), self.place_at(where.end)
        if (end.line, end.character) < (start.line, start.character):
            end = start
        before = self._lines[start.line][: start.character]
        after = self._lines[end.line][end.character :]
        first = start.line
        if not before and first and self._lines[first - 1].endswith("\r"):
            first -= 1  # a line feed behind it would make one line end of the two
            before = self._lines[first]
        written = split_lines(before + text + after)
        if end.line + 1 < len(self._lines) and not written[-1]:
            written.pop()  # a line goes on below
        removed = end.line + 1 - first
        self._lines[first : end.line + 1] = written
        return Change(first, removed, len(written))

    def place_at(self, position: LinePosition) -> Place:
        """Where a position is in the text."""
        if position.line >= len(self._lines):
            return Place(len(self._lines) - 1, len(self._lines[-1].rstrip("\r\n")))
        line = max(0, position.line)
        text = self._lines[line].rstrip("\r\n")
        return Place(line, character_at(text, position.character, self._encoding))

    def offset_at(self, position: LinePosition) -> int:
        """How many characters of the text are before a position."""
        place = self.place_at(position)
        return sum(map(len, self._lines[: place.line])) + place.character

    def units_before(self, place: Place) -> int:
        """How many units of its line are before a place, as the client counts."""
        return count_units(self.line_before(place), self._encoding)

    def line_before(self, place: Place) -> str:
        """What is before a place on its line."""
        return self._lines[place.line][: place.character]


def split_lines(text: str) -> list[str]:
    """The lines of a text with their ends; the last one has none, and may be empty."""
    lines = LINE.findall(text)
    if not lines or lines[-1].endswith(("\n", "\r")):
        lines.append("")
    return lines
