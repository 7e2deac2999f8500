"""Markdown on a terminal, drawn while it arrives.

A paragraph or an item of a list is shown as it arrives. When it is whole it is drawn once more,
over its rows, if they are all on the screen. Code is coloured as it arrives and never drawn over
more than a line back, wrapped or padded: what is copied is what the model wrote.
"""

import re
import shutil
from functools import cache
from io import StringIO
from typing import TYPE_CHECKING

from starcoder_cli import languages
from starcoder_cli.errors import UsageError
from starcoder_cli.postprocess.fences import Block, Fence
from starcoder_cli.terminal.code import CodeView, Painter, emit
from starcoder_cli.terminal.sanitize import sanitize

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline
    from rich.segment import Segment

HEADING = re.compile(r" {0,3}#{1,6}( |$)")
ITEM = re.compile(r" ?([-*+]|\d{1,9}[.)]) ")
# Where a text has these, terminals disagree on how many cells it takes.
JOINED = re.compile("[\u200c\u200d\ufe00-\ufe0f\U0001f3fb-\U0001f3ff]")
TAB = "    "
STYLES = {
    "markdown.code": "cyan",
    "markdown.h2": "bold magenta",
    "markdown.h3": "bold",
    "markdown.item.bullet": "bold",
    "markdown.item.number": "bold",
    "markdown.hr": "dim",
    "markdown.block_quote": "italic",
    "markdown.table.border": "dim",
    "markdown.table.header": "bold",
}


class MarkdownView:
    """An answer in Markdown, drawn as it arrives; not `live`, each part only once it is whole."""

    def __init__(self, *, live: bool) -> None:
        self._live = live
        self._lines: list[str] = []  # the part in progress
        self._line = ""  # its current line
        self._width = shutil.get_terminal_size().columns
        self._blank = True  # nothing, or a blank line, stands above
        self._apart = False  # a blank line has to come first: code stands above
        self._carriage = ""
        self._block: Block | None = None
        self._code: CodeView | None = None

    def begin(self) -> None:
        """Nothing stands before an answer."""

    def show(self, text: str) -> None:
        """Draw the next piece; a carriage return waits for the line feed it may belong to."""
        text = self._carriage + text
        self._carriage = "\r" if text.endswith("\r") else ""
        rest = sanitize(text.removesuffix(self._carriage))
        while rest:
            if self._block and self._code:
                rest = self._show_code(self._block, self._code, rest)
                continue
            line, newline, rest = rest.partition("\n")
            self._extend(line.replace("\t", TAB))
            if newline:
                self._end_line()

    def close(self) -> None:
        """Draw what is left, and end the last line."""
        if self._block and self._code:
            self._code.show(self._block.flush())
            self._code.close()
            return
        self._extend(sanitize(self._carriage))
        if self._line:
            self._end_line()
        if self._lines:
            self._finish("")

    def abandon(self) -> None:
        """End the last line, and leave it at that."""
        if not self._live or self._code:
            self.close()
        elif self._line:
            emit("\n")

    def open(self, fence: Fence) -> None:
        """Show what follows as code, in the colours of its language."""
        try:
            lexer = languages.find(fence.language).lexer
        except UsageError:
            lexer = "text"
        emit("" if self._blank else "\n")
        self._block, self._code = Block(fence), CodeView(Painter(lexer, True), "", "")
        self._blank, self._apart = False, True

    def _show_code(self, block: Block, code: CodeView, text: str) -> str:
        """Show code, and give back what comes after it."""
        code.show(block.feed(text))
        if block.closed:
            code.close()
            self._block = self._code = None
        return block.rest

    def _extend(self, piece: str) -> None:
        if piece.strip() and self._apart:
            emit("\n")
            self._blank, self._apart = True, False
        self._line += piece
        if self._live:
            emit(piece)

    def _end_line(self) -> None:
        line, self._line = self._line, ""
        fence = Fence.parse(line)
        if fence:
            self._finish(line)
            self.open(fence)
        elif not line.strip():
            self._finish(line)
            emit("" if self._blank else "\n")
            self._blank, self._apart = True, False
        elif HEADING.match(line):
            self._finish(line)
            emit(render(line, self._width))
            self._blank = False
        elif ITEM.match(line) and self._lines:
            self._finish(line)
            self._begin(line, shown=False)
        else:
            self._begin(line, shown=True)

    def _begin(self, line: str, *, shown: bool) -> None:
        """Add a whole line to the part in progress."""
        if not self._lines:
            self._width = shutil.get_terminal_size().columns
        self._lines.append(line)
        if self._live:
            emit("\n" if shown else f"{line}\n")

    def _finish(self, below: str) -> None:
        """Draw the part that is whole over its rows and over the line below it."""
        lines, self._lines = self._lines, []
        wipe = self._wiping([*lines, below])
        if wipe is None:
            emit(self._wiping([below]) or "\n")
        else:
            emit(wipe + (render("\n".join(lines), self._width) if lines else ""))
        self._blank = self._blank and not lines

    def _wiping(self, lines: list[str]) -> str | None:
        """What removes lines from the screen, the cursor at the end of the last.

        None where they cannot be: they reach above it, or their rows cannot be told.
        """
        if not self._live:
            return ""
        size = shutil.get_terminal_size()
        rows = sum(rows_of(line, size.columns) for line in lines)
        told = size.columns == self._width and not JOINED.search("".join(lines))
        if rows > size.lines or not told:
            return None
        return "\r" + (f"\x1b[{rows - 1}A" if rows > 1 else "") + "\x1b[J"


def rows_of(line: str, width: int) -> int:
    """How many rows of the screen a line takes."""
    from rich.cells import chop_cells

    return max(len(chop_cells(line, width)), 1)


def render(text: str, width: int) -> str:
    """A part of a document as it looks on a terminal, no line of it padded.

    Code that only its indentation sets apart, or that stands in a quotation, is left as it is, and
    so is what begins with a tag.
    """
    if text.startswith((TAB, "<")) or "```" in text or "~~~" in text:
        return f"{text}\n"
    from rich.console import Console
    from rich.markdown import Markdown
    from rich.theme import Theme

    console = Console(file=StringIO(), width=width, theme=Theme(STYLES), force_terminal=True)
    drawn = Markdown("", hyperlinks=False)
    drawn.parsed = parser().parse(text)
    for token in drawn.parsed:
        token.tag = "h2" if token.tag == "h1" else token.tag  # rich would centre it
    lines = [painted(line) for line in console.render_lines(drawn, pad=False)]
    return "\n".join(lines).strip("\n") + "\n"


@cache
def parser() -> "MarkdownIt":
    """Markdown without what hides text: links, HTML, entities, and underscores around names."""
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import emphasis

    def stars(state: "StateInline", silent: bool) -> bool:
        return state.src[state.pos] == "*" and emphasis.tokenize(state, silent)

    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    reader.disable(["link", "image", "autolink", "entity", "reference"])
    reader.inline.ruler.at("emphasis", stars)
    return reader


def painted(line: list["Segment"]) -> str:
    """A line in its colours, sanitised again, without the spaces at its end."""
    from rich.color import ColorSystem

    parts: list[str] = []
    for segment in reversed(line):
        text = sanitize(segment.text) if parts else sanitize(segment.text).rstrip()
        if text and segment.style:
            text = segment.style.render(text, color_system=ColorSystem.STANDARD)
        if text:
            parts.append(text)
    return "".join(reversed(parts))
