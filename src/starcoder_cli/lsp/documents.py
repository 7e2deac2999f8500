"""The text of a document that a client has open, kept up to date with its edits.

Lines end as in the protocol, at LF, CRLF or CR: not where Python would split, such as at a form
feed. Positions outside the text are clamped.
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
    """An edit's first line, and how many lines it removed and wrote."""

    line: int
    removed: int
    written: int


class Document:
    """An open document; `version` is the client's count, None if it does not count."""

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
        """The whole text."""
        return "".join(self._lines)

    @property
    def line_count(self) -> int:
        """The number of lines, including the empty one after a final line end."""
        return len(self._lines)

    def lines_between(self, first: int, end: int) -> str:
        """The text of a range of lines, counted from 0, the end exclusive."""
        return "".join(self._lines[max(0, first) : end])

    def replace_all(self, text: str) -> Change:
        """Replace the whole text."""
        removed, self._lines = len(self._lines), split_lines(text)
        return Change(0, removed, len(self._lines))

    def replace(self, where: LineRange, text: str) -> Change:
        """Replace a range of the text."""
        start, end = self.place_at(where.start), self.place_at(where.end)
        if (end.line, end.character) < (start.line, start.character):
            end = start
        before = self._lines[start.line][: start.character]
        after = self._lines[end.line][end.character :]
        first = start.line
        if not before and first and self._lines[first - 1].endswith("\r"):
            first -= 1  # a line feed after it would join the two into one line end
            before = self._lines[first]
        written = split_lines(before + text + after)
        if end.line + 1 < len(self._lines) and not written[-1]:
            written.pop()  # the line continues below
        removed = end.line + 1 - first
        self._lines[first : end.line + 1] = written
        return Change(first, removed, len(written))

    def place_at(self, position: LinePosition) -> Place:
        """The place of a position in the text."""
        if position.line >= len(self._lines):
            return Place(len(self._lines) - 1, len(self._lines[-1].rstrip("\r\n")))
        line = max(0, position.line)
        text = self._lines[line].rstrip("\r\n")
        return Place(line, character_at(text, position.character, self._encoding))

    def offset_at(self, position: LinePosition) -> int:
        """The number of characters before a position."""
        place = self.place_at(position)
        return sum(map(len, self._lines[: place.line])) + place.character

    def units_before(self, place: Place) -> int:
        """The units before a place on its line, as the client counts them."""
        return count_units(self.line_before(place), self._encoding)

    def line_before(self, place: Place) -> str:
        """The text before a place on its line."""
        return self._lines[place.line][: place.character]


def split_lines(text: str) -> list[str]:
    """Split a text into lines with their ends; the last has none, and may be empty."""
    lines = LINE.findall(text)
    if not lines or lines[-1].endswith(("\n", "\r")):
        lines.append("")
    return lines
