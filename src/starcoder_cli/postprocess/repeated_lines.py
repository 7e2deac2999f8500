"""An answer that repeats everything before its hole, from the file's first line on.

Or from the header of a block that the hole is in: nobody writes a block inside itself.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from starcoder_cli.model import Hole
from starcoder_cli.postprocess.indentation import indent_columns
from starcoder_cli.postprocess.repeated_prefix import opens_own_block
from starcoder_cli.stream import Chunk, Stream, closing_source

MAX_CHARACTERS = 1 << 17
"""How much of the text before a hole is searched."""

NAME = re.compile(r"[^\W\d_]{2,}")


def drop_repeated_lines(chunks: Iterable[Chunk], hole: Hole) -> Stream:
    """Remove the lines before the hole that an answer begins by repeating in full."""
    repeat = RepeatedLines(hole.prefix)
    held = ""
    with closing_source(chunks) as source:
        for chunk in source:
            held += chunk.text
            end = repeat.feed(chunk.text)
            if end is None and repeat.may_go_on and not chunk.reason:
                yield replace(chunk, text="")
                continue
            names = () if end is None else ("prefix",)
            yield replace(chunk, text=held[end or 0 :], trimmed=(*chunk.trimmed, *names))
            held = ""
            yield from source
            return
    if held:
        yield Chunk(held, 0, "stop")


class RepeatedLines:
    """Compares an answer with the lines before its hole; `may_go_on` says that it repeats them."""

    def __init__(self, prefix: str) -> None:
        *self._lines, self._own_line = prefix[-MAX_CHARACTERS:].split("\n")
        self._starts = list(find_starts(self._lines, self._own_line))
        self._line = ""  # the current line, as far as it has arrived
        self._count, self._length = 0, 0  # the lines before it, and their characters

    @property
    def may_go_on(self) -> bool:
        """Whether the line that has begun so far matches one before the hole."""
        expected = [*self._lines, self._own_line]
        line = self._line
        return (not self._count and not line.strip() and bool(self._starts)) or any(
            expected[start + self._count].startswith(line.rstrip()) for start in self._starts
        )

    def feed(self, text: str) -> int | None:
        """Where an answer has repeated all lines before the hole, and the hole's own line."""
        for piece in re.findall(r"[^\n]*\n|[^\n]+", text):
            if (end := self._read(piece)) is not None:
                return end
        return None

    def _read(self, piece: str) -> int | None:
        self._line += piece
        is_whole = piece.endswith("\n")
        if any(start + self._count == len(self._lines) for start in self._starts):
            if self._line.startswith(self._own_line):
                return self._length + len(self._own_line)
            if not self._own_line.strip() and (is_whole or self._line.strip()):
                return self._length
        if not is_whole:
            return None
        self._length += len(self._line)
        line, self._line = self._line.rstrip(), ""
        if line or self._count:
            at, end = self._count, len(self._lines)
            self._starts = [
                start
                for start in self._starts
                if start + at < end and self._lines[start + at].rstrip() == line
            ]
            self._count += 1
            if not self._own_line and any(start + at + 1 == end for start in self._starts):
                return self._length
        return None


def find_starts(lines: list[str], own_line: str) -> Iterator[int]:
    """Yield where an answer may begin that repeats all lines from there on.

    That is the first line, and each header of a block around the hole. One line alone is too
    little to go by, and so are lines without words.
    """
    full = [number for number, line in enumerate(lines) if line.strip()]
    last = len(full) if own_line.strip() else len(full) - 1
    limit = indent_columns(own_line) if own_line.strip() else MAX_CHARACTERS
    says_much = any(len(set(NAME.findall(lines[number]))) > 1 for number in full)
    for place in range(last - 1, -1, -1):
        line = lines[full[place]]
        columns, text = indent_columns(line), line.strip()
        if (place == 0 and says_much) or (columns < limit and opens_own_block(text)):
            yield full[place]
        limit = min(limit, columns)
