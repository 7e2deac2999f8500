"""Fenced blocks of code in Markdown, read as they arrive."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from starcoder_cli.errors import DataError, UsageError
from starcoder_cli.languages import Language, find_language
from starcoder_cli.stream import Chunk, FinishReason, Stream, closing_source

FENCE_LINE = re.compile(r"(?P<indent>[ \t]*)(?P<mark>`{3,}|~{3,})[ \t]*(?P<language>[^\s`{]*)[^`]*")

LIST_ITEM = re.compile(r"\s*([-*+]|\d+[.)])\s")
MAX_FENCE_INDENT = 3
"""A fence further right, and not in a list, does not begin a block: it is code (CommonMark 4.5)."""


@dataclass(frozen=True)
class Fence:
    """The line that opens a block of code: its indentation, its mark and its language."""

    indent: str
    mark: str
    language: str

    @classmethod
    def parse(cls, line: str) -> "Fence | None":
        """Parse a line as a fence; None if it is not one."""
        match = FENCE_LINE.fullmatch(line)
        return cls(match["indent"], match["mark"], match["language"]) if match else None

    def is_of(self, language: Language) -> bool:
        """Whether it names no language, this one, or one of plain text."""
        try:
            named = find_language(self.language.lower()).name if self.language else ""
        except UsageError:
            return False
        return named in ("", "text", "markdown", language.name)

    def is_closed_by(self, line: str) -> bool:
        """Whether a line ends the block: at least as many marks, and indented no deeper."""
        mark = line.strip()
        depth = len(line) - len(line.lstrip())
        return (
            mark.startswith(self.mark)
            and self._has_only_marks(mark)
            and depth < self._closing_indent_limit()
        )

    def is_opened_by(self, line: str) -> bool:
        """Whether a line opens a block inside the block: a fence like its own, with a language."""
        inner = Fence.parse(line.rstrip("\r\n"))
        depth = len(line) - len(line.lstrip())
        is_outermost = depth < self._closing_indent_limit()
        return bool(inner and inner.language) and is_outermost and self.can_begin(line)

    def can_begin(self, line: str) -> bool:
        """Whether a line that has only begun can still end the block, or open one inside it."""
        mark = line.strip()
        return self._has_only_marks(mark) or mark.startswith(self.mark)

    def outdent(self, line: str) -> str:
        """A line of the block without its fence's indentation."""
        position = 0
        while position < min(len(self.indent), len(line)) and line[position] in " \t":
            position += 1
        return line[position:]

    def _has_only_marks(self, text: str) -> bool:
        return not text.strip(self.mark[0])

    def _closing_indent_limit(self) -> int:
        return len(self.indent) + 4


class FencedBlock:
    """An incremental reader of a block of code: returns what cannot be its closing fence.

    A fence inside that names a language opens a nested block, which the next bare fence closes:
    this is how models write documents in Markdown.
    """

    def __init__(self, fence: Fence) -> None:
        self.is_closed = False
        self.rest = ""  # what came after the closing fence
        self._fence = fence
        self._line = ""  # the beginning of a line that may be the closing fence
        self._line_is_code = False  # the current line cannot be that fence
        self._depth = 0  # how many blocks are open inside

    def feed(self, text: str) -> str:
        """Return what is certain of the block after this text."""
        ready = ""
        for piece in re.findall(r"[^\n]*\n|[^\n]+", text):
            if self.is_closed:
                self.rest += piece
            elif self._line_is_code:
                ready += piece
                self._line_is_code = not piece.endswith("\n")
            else:
                ready += self._take_piece(piece)
        return ready

    def flush(self) -> str:
        """Return the rest once nothing more comes."""
        line, self._line = self._line, ""
        self.is_closed = self.is_closed or (not self._depth and self._fence.is_closed_by(line))
        return "" if self.is_closed else self._fence.outdent(line)

    def _take_piece(self, piece: str) -> str:
        self._line += piece
        is_whole_line = piece.endswith("\n")
        if not is_whole_line and self._fence.can_begin(self._line):
            return ""
        line, self._line = self._line, ""
        if is_whole_line and self._fence.is_closed_by(line):
            self.is_closed = not self._depth
            self._depth = max(self._depth - 1, 0)
            if self.is_closed:
                return ""
        elif is_whole_line and self._fence.is_opened_by(line):
            self._depth += 1
        self._line_is_code = not is_whole_line
        return self._fence.outdent(line)


def find_open_fence(text: str) -> Fence | None:
    """The fence of the block that is open at the end of a text, or None."""
    fence: Fence | None = None
    for line in text.splitlines():
        if fence is None:
            fence = Fence.parse(line)
        elif fence.is_closed_by(line):
            fence = None
    return fence


def blank_out_prose(text: str) -> str:
    """Replace everything outside code blocks with white space, keeping each line in its place.

    A text without any block counts as code.
    """
    fence: Fence | None = None
    has_block, lines = False, []
    for line in text.split("\n"):
        bare = line.removesuffix("\r")
        opening_fence = None if fence else Fence.parse(bare)
        if fence and not fence.is_closed_by(bare):
            lines.append(line)
            continue
        fence, has_block = opening_fence, has_block or bool(opening_fence)
        lines.append(" " * len(line))
    return "\n".join(lines) if has_block else text


def extract_first_block(
    chunks: Iterable[Chunk],
    on_fence: Callable[[Fence], None],
    hint: str = "ask for code, or omit --extract",
) -> Stream:
    """Yield the code in the first fenced block of an answer; `on_fence` gets its fence first.

    The model stops with the block: an open one was cut off, whatever its server says.
    Raises DataError at the end of an answer that has no block, with the given `hint`.
    """
    line, block, thought, reason, in_list = "", None, False, None, False
    with closing_source(chunks) as source:
        for chunk in source:
            line += chunk.text
            thought, reason = thought or bool(chunk.reasoning_content), chunk.reason
            while block is None and "\n" in line:
                before, _, line = line.partition("\n")
                fence = Fence.parse(before.removesuffix("\r"))
                in_list = bool(LIST_ITEM.match(before)) or (in_list and not before[:1].strip())
                if fence and (in_list or len(fence.indent) <= MAX_FENCE_INDENT):
                    block = FencedBlock(fence)
                    on_fence(fence)
            if block is None and chunk.reason:
                break  # the reader may take the last chunk for the end, and not ask again
            if block is None:
                yield replace(chunk, text="")
                continue
            ready, line = block.feed(line), ""
            if block.is_closed:
                yield replace(chunk, text=ready, reason="stop")
                return
            if chunk.reason:
                yield close_block(block, replace(chunk, text=ready))
                return
            yield replace(chunk, text=ready)
    if block is None and thought and reason == "length":
        raise DataError(
            "the model spent its tokens on thinking and wrote no code", "raise --max-tokens"
        )
    if block is None:
        raise DataError("the answer has no code block", hint)
    yield close_block(block, Chunk("", 0, "stop"))


def close_block(block: FencedBlock, last: Chunk) -> Chunk:
    """The last chunk of a block's code; if the block is open, its reason is that it was cut off."""
    rest = block.flush()
    reason: FinishReason | None = last.reason if block.is_closed else "length"
    return replace(last, text=last.text + rest, reason=reason)
