"""Markdown on a terminal, drawn as it arrives.

A paragraph or list item is shown as it arrives. When it is complete it is redrawn over its rows, if
they are all on the screen. Code is coloured as it arrives, never redrawn by more than a line,
wrapped or padded: what is copied is what the model wrote.
"""

import re
import shutil
from functools import cache
from io import StringIO
from typing import TYPE_CHECKING

from starcoder_cli import languages
from starcoder_cli.errors import UsageError
from starcoder_cli.postprocess.fences import Fence, FencedBlock
from starcoder_cli.terminal.code import CodeView, Highlighter, write_to_terminal
from starcoder_cli.terminal.sanitize import sanitize

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline
    from rich.segment import Segment

HEADING_LINE = re.compile(r" {0,3}#{1,6}( |$)")
LIST_ITEM_LINE = re.compile(r" ?([-*+]|\d{1,9}[.)]) ")
# Terminals disagree on the width of text that contains these.
AMBIGUOUS_WIDTH = re.compile("[\u200c\u200d\ufe00-\ufe0f\U0001f3fb-\U0001f3ff]")
TAB_SPACES = "    "
MARKDOWN_STYLES = {
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
    """An answer in Markdown, drawn as it arrives; if not `live`, each part only when complete."""

    def __init__(self, *, live: bool) -> None:
        self._is_live = live
        self._part_lines: list[str] = []  # the part in progress
        self._line = ""  # its current line
        self._width = shutil.get_terminal_size().columns
        self._after_blank_line = True  # nothing, or a blank line, is above
        self._needs_blank_line = False  # a blank line must come first: code is above
        self._pending_cr = ""
        self._block: FencedBlock | None = None
        self._code: CodeView | None = None

    def begin(self) -> None:
        """Do nothing: there is no text before an answer."""

    def show(self, text: str) -> None:
        """Draw the next piece; a carriage return waits for the line feed it may belong to."""
        text = self._pending_cr + text
        self._pending_cr = "\r" if text.endswith("\r") else ""
        rest = sanitize(text.removesuffix(self._pending_cr))
        while rest:
            if self._block and self._code:
                rest = self._show_code(self._block, self._code, rest)
                continue
            line, newline, rest = rest.partition("\n")
            self._extend_line(line.replace("\t", TAB_SPACES))
            if newline:
                self._end_line()

    def close(self) -> None:
        """Draw what is left, and end the last line."""
        if self._block and self._code:
            self._code.show(self._block.flush())
            self._code.close()
            return
        self._extend_line(sanitize(self._pending_cr))
        if self._line:
            self._end_line()
        if self._part_lines:
            self._finish_part("")

    def abandon(self) -> None:
        """End the last line without drawing anything else."""
        if not self._is_live or self._code:
            self.close()
        elif self._line:
            write_to_terminal("\n")

    def open_code(self, fence: Fence) -> None:
        """Show the following text as code, in the colours of its language."""
        try:
            lexer = languages.find_language(fence.language).lexer
        except UsageError:
            lexer = "text"
        write_to_terminal("" if self._after_blank_line else "\n")
        self._block, self._code = FencedBlock(fence), CodeView(Highlighter(lexer, True), "", "")
        self._after_blank_line, self._needs_blank_line = False, True

    def _show_code(self, block: FencedBlock, code: CodeView, text: str) -> str:
        """Show code, and return what comes after it."""
        code.show(block.feed(text))
        if block.is_closed:
            code.close()
            self._block = self._code = None
        return block.rest

    def _extend_line(self, piece: str) -> None:
        if piece.strip() and self._needs_blank_line:
            write_to_terminal("\n")
            self._after_blank_line, self._needs_blank_line = True, False
        self._line += piece
        if self._is_live:
            write_to_terminal(piece)

    def _end_line(self) -> None:
        line, self._line = self._line, ""
        fence = Fence.parse(line)
        if fence:
            self._finish_part(line)
            self.open_code(fence)
        elif not line.strip():
            self._finish_part(line)
            write_to_terminal("" if self._after_blank_line else "\n")
            self._after_blank_line, self._needs_blank_line = True, False
        elif HEADING_LINE.match(line):
            self._finish_part(line)
            write_to_terminal(render_markdown(line, self._width))
            self._after_blank_line = False
        elif LIST_ITEM_LINE.match(line) and self._part_lines:
            self._finish_part(line)
            self._add_line(line, shown=False)
        else:
            self._add_line(line, shown=True)

    def _add_line(self, line: str, *, shown: bool) -> None:
        """Add a complete line to the current part."""
        if not self._part_lines:
            self._width = shutil.get_terminal_size().columns
        self._part_lines.append(line)
        if self._is_live:
            write_to_terminal("\n" if shown else f"{line}\n")

    def _finish_part(self, line_below: str) -> None:
        """Draw the complete part over its rows and the line below it."""
        lines, self._part_lines = self._part_lines, []
        erase = self._erase_sequence([*lines, line_below])
        if erase is None:
            write_to_terminal(self._erase_sequence([line_below]) or "\n")
        else:
            write_to_terminal(
                erase + (render_markdown("\n".join(lines), self._width) if lines else "")
            )
        self._after_blank_line = self._after_blank_line and not lines

    def _erase_sequence(self, lines: list[str]) -> str | None:
        """The sequence that erases lines, with the cursor at the end of the last.

        Returns None if they reach above the screen, or their rows cannot be counted.
        """
        if not self._is_live:
            return ""
        size = shutil.get_terminal_size()
        row_count = sum(count_screen_rows(line, size.columns) for line in lines)
        is_measurable = size.columns == self._width and not AMBIGUOUS_WIDTH.search("".join(lines))
        if row_count > size.lines or not is_measurable:
            return None
        return "\r" + (f"\x1b[{row_count - 1}A" if row_count > 1 else "") + "\x1b[J"


def count_screen_rows(line: str, width: int) -> int:
    """The number of screen rows that a line takes."""
    from rich.cells import chop_cells

    return max(len(chop_cells(line, width)), 1)


def render_markdown(text: str, width: int) -> str:
    """Render a part of a document for a terminal, without padding any line.

    Code that is only indented, or inside a quotation, is left as it is, and so is text that begins
    with a tag.
    """
    if text.startswith((TAB_SPACES, "<")) or "```" in text or "~~~" in text:
        return f"{text}\n"
    from rich.console import Console
    from rich.markdown import Markdown
    from rich.theme import Theme

    console = Console(
        file=StringIO(), width=width, theme=Theme(MARKDOWN_STYLES), force_terminal=True
    )
    document = Markdown("", hyperlinks=False)
    document.parsed = build_markdown_parser().parse(text)
    for token in document.parsed:
        token.tag = "h2" if token.tag == "h1" else token.tag  # rich would centre it
    lines = [render_segments(line) for line in console.render_lines(document, pad=False)]
    return "\n".join(lines).strip("\n") + "\n"


@cache
def build_markdown_parser() -> "MarkdownIt":
    """Markdown without what hides text: links, HTML, entities, and underscores around names."""
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import emphasis

    def only_stars(state: "StateInline", silent: bool) -> bool:
        return state.src[state.pos] == "*" and emphasis.tokenize(state, silent)

    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    reader.disable(["link", "image", "autolink", "entity", "reference"])
    reader.inline.ruler.at("emphasis", only_stars)
    return reader


def render_segments(line: list["Segment"]) -> str:
    """Render a line in colour, sanitised again, without trailing spaces."""
    from rich.color import ColorSystem

    parts: list[str] = []
    for segment in reversed(line):
        text = sanitize(segment.text) if parts else sanitize(segment.text).rstrip()
        if text and segment.style:
            text = segment.style.render(text, color_system=ColorSystem.STANDARD)
        if text:
            parts.append(text)
    return "".join(reversed(parts))
