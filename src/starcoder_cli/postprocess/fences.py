"""Fenced blocks of code in Markdown, read while they arrive."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from starcoder_cli.errors import DataError
from starcoder_cli.stream import Chunk, Stream, closing_source

FENCE = re.compile(r"(?P<indent>[ \t]*)(?P<mark>`{3,}|~{3,})[ \t]*(?P<language>[^\s`{]*)[^`]*")


@dataclass(frozen=True)
class Fence:
    """The line that opens a block of code: how deep it stands, its mark and its language."""

    indent: str
    mark: str
    language: str

    @classmethod
    def parse(cls, line: str) -> "Fence | None":
        """The fence that a line is, if it is one."""
        match = FENCE.fullmatch(line)
        return cls(match["indent"], match["mark"], match["language"]) if match else None

    def closed_by(self, line: str) -> bool:
        """Whether a line ends the block: as many marks, or more, and no deeper than it began."""
        mark = line.strip()
        depth = len(line) - len(line.lstrip())
        return mark.startswith(self.mark) and self._only_marks(mark) and depth < self._deep()

    def may_be_closed_by(self, line: str) -> bool:
        """Whether a line that has only begun can still end the block."""
        return self._only_marks(line.strip())

    def outdented(self, line: str) -> str:
        """A line of the block without the indentation that its fence has."""
        at = 0
        while at < min(len(self.indent), len(line)) and line[at] in " \t":
            at += 1
        return line[at:]

    def _only_marks(self, text: str) -> bool:
        return not text.strip(self.mark[0])

    def _deep(self) -> int:
        return len(self.indent) + 4


class Block:
    """An incremental reader of a block of code: gives back what cannot be its closing fence."""

    def __init__(self, fence: Fence) -> None:
        self.closed = False
        self.rest = ""  # what came after the closing fence
        self._fence = fence
        self._line = ""  # the beginning of a line that may yet be that fence
        self._free = False  # the current line is none

    def feed(self, text: str) -> str:
        """What of the block is certain after some more text."""
        ready = ""
        for piece in re.findall(r"[^\n]*\n|[^\n]+", text):
            if self.closed:
                self.rest += piece
            elif self._free:
                ready += piece
                self._free = not piece.endswith("\n")
            else:
                ready += self._decide(piece)
        return ready

    def flush(self) -> str:
        """What is left when nothing more comes."""
        line, self._line = self._line, ""
        if self.closed or self._fence.closed_by(line):
            return ""
        return self._fence.outdented(line)

    def _decide(self, piece: str) -> str:
        self._line += piece
        whole = piece.endswith("\n")
        if not whole and self._fence.may_be_closed_by(self._line):
            return ""
        line, self._line = self._line, ""
        if whole and self._fence.closed_by(line):
            self.closed = True
            return ""
        self._free = not whole
        return self._fence.outdented(line)


def code_of(text: str) -> str:
    """A text with nothing but its blocks of code: all else is white space, each line in its place.

    A text without any is taken for code.
    """
    fence: Fence | None = None
    found, lines = False, []
    for line in text.split("\n"):
        bare = line.removesuffix("\r")
        opens = None if fence else Fence.parse(bare)
        if fence and not fence.closed_by(bare):
            lines.append(line)
            continue
        fence, found = opens, found or bool(opens)
        lines.append(" " * len(line))
    return "\n".join(lines) if found else text


def first_block(chunks: Iterable[Chunk], found: Callable[[Fence], None]) -> Stream:
    """The code in the first fenced block of an answer; `found` learns of its fence before that.

    The model stops with the block. Raises DataError at the end of an answer that has none.
    """
    line, block = "", None
    with closing_source(chunks) as source:
        for chunk in source:
            line += chunk.text
            while block is None and "\n" in line:
                before, _, line = line.partition("\n")
                fence = Fence.parse(before.removesuffix("\r"))
                if fence:
                    block = Block(fence)
                    found(fence)
            if block is None and chunk.reason:
                break  # whoever reads may take the last chunk for the end, and not ask again
            if block is None:
                yield replace(chunk, text="")
                continue
            ready, line = block.feed(line), ""
            if block.closed:
                yield replace(chunk, text=ready, reason="stop")
                return
            yield replace(chunk, text=ready + (block.flush() if chunk.reason else ""))
    if block is None:
        raise DataError("the answer has no code block", "ask for code, or leave --extract away")
    rest = block.flush()
    if rest:
        yield Chunk(rest, 0, "stop")
