"""Positions as clients count them: lines from 0, and UTF-8, UTF-16 or UTF-32 units in a line."""

from bisect import bisect_right
from collections.abc import Iterable
from typing import Literal, Protocol, TypeAlias

PositionEncoding: TypeAlias = Literal["utf-8", "utf-16", "utf-32"]
DEFAULT_ENCODING: PositionEncoding = "utf-16"
ENCODINGS: tuple[PositionEncoding, ...] = ("utf-8", "utf-16", "utf-32")


class LinePosition(Protocol):
    """A line and a position in it, both from 0, as in the protocol."""

    @property
    def line(self) -> int:
        """The line."""

    @property
    def character(self) -> int:
        """The number of units before it on the line."""


class LineRange(Protocol):
    """The range between two positions."""

    @property
    def start(self) -> LinePosition:
        """The start."""

    @property
    def end(self) -> LinePosition:
        """The end, exclusive."""


def choose_encoding(offered: Iterable[str] | None) -> PositionEncoding:
    """The first known encoding that a client offers; UTF-16 if there is none."""
    known = (encoding for name in offered or () for encoding in ENCODINGS if encoding == name)
    return next(known, DEFAULT_ENCODING)


def count_units(text: str, encoding: PositionEncoding) -> int:
    """Count the units of a text; a lone surrogate counts as one unit of UTF-16."""
    if encoding == "utf-32" or text.isascii():
        return len(text)
    if encoding == "utf-16":
        return len(text.encode("utf-16-le", "surrogatepass")) // 2
    return len(text.encode("utf-8", "surrogatepass"))


def character_at(text: str, units: int, encoding: PositionEncoding) -> int:
    """The index of the character after `units` units, at most the end of the text.

    Units that end inside a character lead to its beginning.
    """
    if encoding == "utf-32" or text.isascii():
        return max(0, min(units, len(text)))
    ends = range(1, len(text) + 1)
    return bisect_right(ends, units, key=lambda end: count_units(text[:end], encoding))
