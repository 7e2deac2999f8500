"""Where code comes from, and the place in it to work on.

A source keeps every byte it read. Its text has uniform line ends, as in the model's training data;
`splice` inserts an answer between the original bytes.
"""

import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from starcoder_cli.errors import DataError, UsageError
from starcoder_cli.files.read import PLACE_HINT, PLACE_SEPARATORS, STANDARD_INPUT, read_bytes
from starcoder_cli.model import Hole
from starcoder_cli.system.counting import numbered

MAX_SOURCE_BYTES = 16 * 1024 * 1024
INDENTED_CODE = re.compile(r"([ \t]+)\S")
LINE_END = re.compile("\r\n|\n|\r")
LINE, COLUMN, END_LINE, END_COLUMN = (
    rf"(?P<{name}>\d{{1,99}})" for name in ("line", "column", "end_line", "end_column")
)
MESSAGE = r"(?::(?: .*)?)?"  # a compiler's message about the place
PLACE_PATTERNS = tuple(
    re.compile(pattern, re.ASCII | re.DOTALL)
    for pattern in (
        rf"(?P<path>.+?):{LINE}(?::{COLUMN})?(?:[-,]{END_LINE}(?::{END_COLUMN})?)?{MESSAGE}",
        rf"(?P<path>.+?)#L{LINE}(?:C{COLUMN})?(?:-L{END_LINE}(?:C{END_COLUMN})?)?",  # GitHub
        rf"(?P<path>.+?)\({LINE}(?:,{COLUMN}(?:,{END_LINE},{END_COLUMN})?)?\){MESSAGE}",  # C#
        rf'\s*File "(?P<path>.+?)", line {LINE}(?:, in .*)?',  # Python
    )
)
BYTE_ORDER_MARK = "\ufeff"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class FileMetadata:
    """A file's name, and the metadata that some models were trained to read with it.

    `stars` is one of StarCoder's classes: 0, 1-10, 10-100, 100-1000, 1000+.
    """

    filename: str | None = None
    repository: str | None = None
    stars: str | None = None


def find_file_metadata(path: str) -> FileMetadata:
    """A file's name inside its repository, and the name of that repository's folder.

    A file outside any repository keeps its own name; standard input has none.
    """
    if path == STANDARD_INPUT:
        return FileMetadata()
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - resolves `..` but no links
    for folder in absolute.parents:
        if os.path.exists(folder / ".git"):  # noqa: PTH110 - may be too long a path
            return FileMetadata(absolute.relative_to(folder).as_posix(), folder.name or None)
    return FileMetadata(Path(path).name)


@dataclass(frozen=True)
class Position:
    """A line and a column, both from 1; columns count Unicode characters."""

    line: int
    column: int | None = None

    def __str__(self) -> str:
        return str(self.line) if self.column is None else f"{self.line}:{self.column}"


@dataclass(frozen=True)
class Place:
    """A file, and where in it: `FILE`, `FILE:LINE[:COL]` or `FILE:LINE[:COL]-LINE[:COL]`.

    The formats of compilers, GitHub and sed are accepted too.
    """

    path: str
    start: Position | None = None
    end: Position | None = None

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Parse a place; a text that is itself the name of a file means that file.

        Raises UsageError for a file with an invalid place, or a place without a file.
        """
        if os.path.lexists(text):
            return cls(text)
        for pattern in PLACE_PATTERNS:
            if match := pattern.fullmatch(text):
                break
        else:
            for separator in PLACE_SEPARATORS.finditer(text):
                path, rest = text[: separator.start()], text[separator.start() :]
                if os.path.isfile(path):  # noqa: PTH113 - a path may be any text
                    raise UsageError(f"{rest!r} is not a place in {path}", PLACE_HINT)
            return cls(text)
        named = {"column": None, "end_line": None, "end_column": None, **match.groupdict()}
        path = str(named["path"])
        if path.isdecimal() and not os.path.lexists(path):
            raise UsageError(f"{text!r} names no file", PLACE_HINT)
        return cls(
            path,
            parse_position(named["line"], named["column"]),
            parse_position(named["end_line"], named["end_column"]),
        )


def parse_position(line: str | None, column: str | None) -> Position | None:
    """A position from the digits of a place, or None if there are none."""
    return Position(int(line), int(column) if column else None) if line else None


@dataclass(frozen=True)
class Span:
    """A range of a source's raw text, in characters from 0, the end exclusive."""

    start: int
    end: int


@dataclass(frozen=True)
class Source:
    """Text read once and decoded without loss, and its name.

    `raw` is UTF-8, any byte order mark included, with undecodable bytes as surrogates (PEP 383).
    """

    name: str
    raw: str

    @classmethod
    def read(cls, path: str) -> "Source":
        """Read the file at a path, or standard input for `-`.

        Raises InputError if there is no such file, DataError if it is not text or is larger than 16
        MiB, and UsageError if standard input is a terminal.
        """
        name = "standard input" if path == STANDARD_INPUT else path
        return cls(path, decode_source(read_bytes(path, MAX_SOURCE_BYTES), name))

    @property
    def display_name(self) -> str:
        """Its name in messages."""
        return "standard input" if self.name == STANDARD_INPUT else self.name

    @property
    def begin(self) -> int:
        """The start of its own text in `raw`: after any byte order mark."""
        return len(BYTE_ORDER_MARK) if self.raw.startswith(BYTE_ORDER_MARK) else 0

    @property
    def document(self) -> str:
        """The whole text of its file; a notebook's cell is only a part of it."""
        return self.raw

    def code_name(self, filename: str | None) -> str:
        """The name for its code, where `filename` is the user's choice, if any."""
        return filename or self.name

    def line_name(self, line: int) -> str:
        """The name of a line, from 1: its number."""
        return str(line)

    @cached_property
    def newline(self) -> str:
        """Its most frequent line end; a line feed if it has none."""
        ends = LINE_END.findall(self.raw, self.begin) or LINE_END.findall(self.raw)
        return max(("\n", "\r\n", "\r"), key=ends.count) if ends else "\n"

    @cached_property
    def lines(self) -> tuple[Span, ...]:
        """Each line without its end, including the empty line after a final newline."""
        begin = self.begin
        spans = []
        for end in LINE_END.finditer(self.raw, begin):
            spans.append(Span(begin, end.start()))
            begin = end.end()
        return (*spans, Span(begin, len(self.raw)))

    def whole_span(self) -> Span:
        """The whole text without a byte order mark."""
        return Span(self.begin, len(self.raw))

    def end_span(self) -> Span:
        """The empty range after the last character."""
        return Span(len(self.raw), len(self.raw))

    def span_after(self, place: Place) -> Span:
        """The empty range at which a completion of everything up to a place begins."""
        if place.start is None:
            return self.end_span()
        if place.end is not None:
            raise UsageError(
                "a completion continues from one position, not from a range",
                f"write {place.path}:{place.start}, or use `starcoder fill`",
            )
        offset = self.offset_of(place.start, at_end=True)
        return Span(offset, offset)

    def span_of(self, place: Place) -> Span:
        """The range that a place names; a line without a column means the whole line."""
        if place.start is None:
            raise UsageError(
                f"{place.path!r} does not say what to fill",
                "write FILE:LINE, FILE:LINE-LINE, or mark the place and use --at",
            )
        start = self.offset_of(place.start, at_end=False)
        last = place.end or place.start
        end = self.offset_of(last, at_end=True)
        if end < start:
            raise UsageError(f"{last} comes before {place.start}", "write the earlier one first")
        return Span(start, end)

    def span_of_marker(self, marker: str) -> Span:
        """The range of a marker that occurs in the text exactly once."""
        count = len(re.findall(f"(?={re.escape(marker)})", self.raw)) if marker else 0
        if count != 1:
            occurrence = "is not in" if count == 0 else f"stands {count} times in"
            raise DataError(
                f"the marker {marker!r} {occurrence} {self.display_name}", "put it in exactly once"
            )
        start = self.raw.index(marker)
        return Span(start, start + len(marker))

    def offset_of(self, position: Position, *, at_end: bool) -> int:
        """The offset of a position; a line without a column means its beginning or its end."""
        if not 1 <= position.line <= len(self.lines):
            raise UsageError(
                f"{self.display_name} has no line {position.line}",
                numbered(len(self.lines), "line"),
            )
        line = self.lines[position.line - 1]
        if position.column is None:
            return line.end if at_end else line.start
        if not 1 <= position.column <= line.end - line.start + 1:
            raise UsageError(
                f"line {position.line} of {self.display_name} has no column {position.column}",
                numbered(line.end - line.start + 1, "column"),
            )
        return line.start + position.column - 1

    def hole_at(self, span: Span) -> Hole:
        """The text before and after a range, as a model reads it: line feeds, no byte order mark.

        Bytes that are not UTF-8 become U+FFFD: a model has no token for half a character.
        """
        return Hole(to_model_text(self.raw[: span.start]), to_model_text(self.raw[span.end :]))

    def is_inside_line(self, span: Span) -> bool:
        """Whether code stays on the range's line: before it, after it, or both.

        An empty range before a line's first character is not inside the line: whole lines go there.
        """
        line = next((at for at in reversed(self.lines) if at.start <= span.start), self.lines[0])
        if span.end > line.end:
            return False
        has_code_before = bool(self.raw[line.start : span.start].strip())
        has_code_after = bool(self.raw[span.end : line.end].strip())
        return (has_code_before + has_code_after + (span.end > span.start)) >= 2

    def indentation_of(self, span: Span) -> str:
        """The white space at the start of a range of whole lines, if code follows it.

        The replacement of the range starts with it as well.
        """
        at_line_start = (
            self.raw[: span.start].endswith(("\n", "\r", BYTE_ORDER_MARK)) or not span.start
        )
        match = INDENTED_CODE.match(self.raw, span.start, span.end) if at_line_start else None
        return match[1] if match else ""

    def splice(self, span: Span, text: str) -> str:
        """Replace a range of the raw text; everything outside it stays untouched."""
        return self.raw[: span.start] + text + self.raw[span.end :]

    def replaced(self, span: Span, text: str) -> str:
        """Replace a range of the raw text and return the whole document."""
        return self.splice(span, text)


def to_model_text(raw: str) -> str:
    """Convert raw text to what a model reads."""
    text = LINE_END.sub("\n", raw.removeprefix(BYTE_ORDER_MARK))
    return re.sub("[\ud800-\udfff]+", "\ufffd", text)


def decode_source(data: bytes, name: str) -> str:
    """Decode UTF-8 without loss; raises DataError if the bytes are not text."""
    if data.startswith(UTF16_MARKS):
        raise DataError(f"{name} is UTF-16", "convert it, for example with `iconv -t utf-8`")
    nul_at = data.find(b"\0")
    if nul_at >= 0:
        raise DataError(f"{name} looks binary (NUL at byte {nul_at})", "give a text file")
    return data.decode("utf-8", "surrogateescape")
