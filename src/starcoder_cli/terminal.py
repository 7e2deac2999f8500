"""Code on a terminal: coloured as it arrives, never wrapped, reflowed or obeyed.

Each piece is written at once in the colours its line has so far. When a line is whole and its
colours have changed (`de` became `def`), it is written over, where it fits the terminal's width.
"""

import shutil
import sys
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from starcoder_cli.output import write
from starcoder_cli.sanitize import sanitize
from starcoder_cli.source import Source, Span

if TYPE_CHECKING:
    from pygments.lexer import Lexer
    from rich.syntax import SyntaxTheme

CONTEXT_LINES = 3
LEXED_CHARACTERS = 8000
RESET = "\x1b[0m"
DIM = "\x1b[2m"
ADDED = "\x1b[32m"


class Painter:
    """Colours for text that grows, by the lexer of its language."""

    def __init__(self, lexer: str, color: bool) -> None:
        self._name = lexer
        self._color = color

    @cached_property
    def _lexer(self) -> "Lexer":
        from pygments.lexers import get_lexer_by_name

        return get_lexer_by_name(self._name, stripnl=False, ensurenl=False)

    @cached_property
    def _theme(self) -> "SyntaxTheme":
        from rich.syntax import Syntax

        return Syntax.get_theme("ansi_dark")

    def styles(self, text: str) -> list[str]:
        """The escape sequence that colours each character of a text; empty for plain ones."""
        if not self._color or self._name == "text":
            return [""] * len(text)
        styles: list[str] = []
        skipped = len(text) - LEXED_CHARACTERS
        begin = text.find("\n", skipped) + 1 if skipped > 0 else 0
        for token, value in self._lexer.get_tokens(text[begin:]):
            style = self._theme.get_style_for_token(token).render("|").split("|")[0]
            styles.extend([style] * len(value))
        return [""] * begin + styles[: len(text) - begin] + [""] * (len(text) - begin - len(styles))


def paint(text: str, styles: Sequence[str]) -> str:
    """The text with its colours, each run of one colour reset behind it."""
    runs: list[str] = []
    current = ""
    for character, style in zip(text, styles, strict=True):
        if style != current:
            runs.append((RESET if current else "") + style)
            current = style
        runs.append(character)
    return "".join(runs) + (RESET if current else "")


class CodeView:
    """An answer as code, sanitised and coloured, with the text around it if `echo` is set.

    The colours depend on the text before it either way.
    """

    def __init__(self, painter: Painter, before: str, after: str, *, echo: bool = False) -> None:
        self._painter = painter
        self._context = before
        self._after = after
        self._echo = echo
        self._before = ""  # the whole lines so far, as far as colours need them
        self._line = ""  # the current line, as shown
        self._shown: list[str] = []  # its colours, as shown
        self._carriage = ""

    def begin(self) -> None:
        """Show the text before the answer, or only take its colours into account."""
        if self._echo:
            self.show(self._context)
        else:
            self._before = sanitize(self._context[-LEXED_CHARACTERS // 2 :])

    def show(self, text: str) -> None:
        """Write the next piece; a carriage return waits for the line feed it may belong to."""
        text = self._carriage + text
        self._carriage = "\r" if text.endswith("\r") else ""
        for piece in sanitize(text.removesuffix(self._carriage)).splitlines(keepends=True):
            self._extend(piece.removesuffix("\n"))
            if piece.endswith("\n"):
                self._end_line()

    def close(self) -> None:
        """Show the text after the answer where that is asked for, and end the last line."""
        if self._echo:
            self.show(self._after)
        self.abandon()

    def abandon(self) -> None:
        """End the last line."""
        if self._carriage:
            self._extend(sanitize(self._carriage))
        if self._line:
            self._end_line()

    def gutter(self) -> str:
        """What stands before each line."""
        return ""

    def _extend(self, piece: str) -> None:
        begins = "" if self._line else self.gutter()
        self._line += piece
        styles = self._styles()[len(self._shown) :]
        self._shown += styles
        emit(begins + paint(piece, styles))

    def _end_line(self) -> None:
        styles = self._styles()
        begins = self.gutter()
        if not self._line:
            emit(begins)
        elif styles != self._shown and self._fits(begins):
            emit("\r" + begins + paint(self._line, styles))
        emit("\n")
        self._before += f"{self._line}\n"
        self._line, self._shown = "", []

    def _styles(self) -> list[str]:
        whole = self._before + self._line
        return self._painter.styles(whole)[len(self._before) :]

    def _fits(self, begins: str) -> bool:
        from rich.cells import cell_len

        line = self._line.expandtabs()
        return cell_len(line) + len(begins) < shutil.get_terminal_size().columns


class HoleView(CodeView):
    """An answer in its place: line numbers, a few lines around it, its own lines marked."""

    def __init__(self, painter: Painter, source: Source, span: Span, color: bool) -> None:
        super().__init__(painter, "", "")
        self._color = color
        hole = source.cut(span)
        self._lines_before = sanitize(hole.prefix).split("\n")
        self._lines_after = sanitize(hole.suffix).split("\n")
        self._number = len(self._lines_before)
        self._width = len(str(self._number + len(self._lines_after)))

    def begin(self) -> None:
        """Show the lines before the hole, and what its own line begins with."""
        *before, begun = self._lines_before
        near = before[-CONTEXT_LINES:]
        self._before = "".join(f"{line}\n" for line in before)[-LEXED_CHARACTERS // 2 :]
        self._dim_lines(near, self._number - len(near))
        if begun:
            self._extend(begun)

    def gutter(self) -> str:
        """The line's number, and the mark of a new line."""
        mark = f"{self._number:>{self._width}} + "
        return f"{ADDED}{mark}{RESET}" if self._color else mark

    def close(self) -> None:
        """Show the rest of the last line, and the lines that follow."""
        rest, *following = self._lines_after
        self._extend(rest)
        self._end_line()
        if following and not following[-1]:
            following.pop()
        self._dim_lines(following[:CONTEXT_LINES], self._number)

    def _end_line(self) -> None:
        super()._end_line()
        self._number += 1

    def _dim_lines(self, lines: Sequence[str], first: int) -> None:
        for number, line in enumerate(lines, first):
            text = f"{number:>{self._width}}   {line}"
            emit(f"{DIM}{text}{RESET}\n" if self._color else f"{text}\n")


def emit(text: str) -> None:
    """Write text to the terminal in its own encoding."""
    encoding = (sys.stdout.encoding if sys.stdout else None) or "utf-8"
    write(text.encode(encoding, "backslashreplace"))
