"""Code on a terminal: coloured as it arrives, never wrapped, reflowed or interpreted.

Each piece is written at once, in colours guessed from its line so far. When the line is complete,
its colours are computed from the text before it too, and if they differ (`de` became `def`) the
line is rewritten, if it fits the terminal's width.
"""

import re
import shutil
import sys
import time
from collections.abc import Sequence
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

from starcoder_cli.files.source import Source, Span, to_model_text
from starcoder_cli.terminal.output import write_bytes
from starcoder_cli.terminal.sanitize import sanitize

if TYPE_CHECKING:
    from pygments.lexer import Lexer
    from rich.syntax import SyntaxTheme

VIEW_CONTEXT_LINES = 3
MAX_LOOKBACK_CHARACTERS = 4000
MAX_LINE_CHARACTERS = 400
"""The rest of a longer line stays plain: otherwise the whole line would be read for each piece."""

MAX_COLORED_CHARACTERS = 100_000
FREE_SECONDS, MAX_SECONDS_PER_CHARACTER = 1.0, 0.0001
"""What colours may take: most lexers read 100 characters a millisecond, but some read a text again
and again from each place in it."""

GUTTER_SIGN_WIDTH = len(" + ")
TAB_WIDTH = 8
RESET = "\x1b[0m"
DIM = "\x1b[2m"
BOLD = "\x1b[1m"
ADDED = "\x1b[32m"
PATCH_COLORS = {"+": ADDED, "-": "\x1b[31m", "@": "\x1b[36m", "\\": DIM}
COLOR_SEQUENCE = re.compile("\x1b\\[[0-9;]*m")


class Highlighter:
    """Colours for growing text, by the lexer of its language."""

    def __init__(self, lexer: str, color: bool) -> None:
        self._lexer_name = lexer
        self.color = color
        self._budget = FREE_SECONDS

    @cached_property
    def _lexer(self) -> "Lexer":
        from pygments.lexers import get_lexer_by_name

        return get_lexer_by_name(self._lexer_name, stripnl=False, ensurenl=False)

    @cached_property
    def _theme(self) -> "SyntaxTheme":
        from rich.syntax import Syntax

        return Syntax.get_theme("ansi_dark")

    def styles_for(self, before: str, text: str) -> list[str]:
        """The colour sequence for each character of a text; empty for plain ones.

        The text before it determines the lexer's state. All are plain once a lexer took too long.
        """
        if not self.color or self._lexer_name == "text" or len(text) > MAX_COLORED_CHARACTERS:
            return [""] * len(text)
        styles: list[str] = []
        self._budget += len(before + text) * MAX_SECONDS_PER_CHARACTER
        end = time.thread_time() + self._budget
        for token, value in self._lexer.get_tokens(before + text):
            if time.thread_time() > end:
                self.color = False
                return [""] * len(text)
            style = self._theme.get_style_for_token(token).render("|").split("|")[0]
            styles.extend([style] * len(value))
        self._budget = end - time.thread_time()
        plain = [""] * (len(before + text) - len(styles))
        return (styles + plain)[len(before) : len(before + text)]


def apply_styles(text: str, styles: Sequence[str]) -> str:
    """Apply colours to a text, with each coloured run reset at its end."""
    runs: list[str] = []
    current = ""
    for character, style in zip(text, styles, strict=True):
        if style != current:
            runs.append((RESET if current else "") + style)
            current = style
        runs.append(character)
    return "".join(runs) + (RESET if current else "")


def take_last_lines(text: str) -> str:
    """The last lines of a text, as far back as colours depend on them."""
    tail = text[-MAX_LOOKBACK_CHARACTERS:]
    return text if tail == text else tail.partition("\n")[2]


class CodeView:
    """An answer as code, sanitised and coloured, with the text around it if `echo` is set.

    The colours depend on the text before it either way.
    """

    def __init__(
        self, highlighter: Highlighter, before: str, after: str, *, echo: bool = False
    ) -> None:
        self._highlighter = highlighter
        self._context = before
        self._after = after
        self._echo = echo
        self._lines_so_far = ""  # the whole lines so far that colours may need
        self._line = ""  # the current line, as shown
        self._shown_styles: list[str] = []  # its colours, as shown
        self._current_styles: list[str] = []  # its colours, as they should be now
        self._is_long = False  # the current line is longer than what is kept of it
        self._pending_cr = ""

    def begin(self) -> None:
        """Show the text before the answer, or only use it for the colours."""
        if self._echo:
            self.show(self._context)
        else:
            self._lines_so_far = sanitize(take_last_lines(self._context))

    def show(self, text: str) -> None:
        """Write the next piece; a carriage return waits for the line feed it may belong to."""
        text = self._pending_cr + text
        self._pending_cr = "\r" if text.endswith("\r") else ""
        self._write(sanitize(text.removesuffix(self._pending_cr)))

    def close(self) -> None:
        """Show the text after the answer if requested, and end the last line."""
        if self._echo:
            self.show(self._after)
        self.abandon()

    def abandon(self) -> None:
        """End the last line."""
        self._write(sanitize(self._pending_cr))
        if self._line:
            self._write("\n")

    def gutter(self) -> str:
        """The prefix of each line."""
        return ""

    def _write(self, text: str) -> None:
        if len(self._line) > MAX_LINE_CHARACTERS:
            piece, newline, text = text.partition("\n")
            write_to_terminal(piece)
            self._is_long = True
            if not newline:
                return
            self._end_line()
        before = self._lines_so_far if "\n" in text else ""
        styles = iter(self._highlighter.styles_for(before, self._line + text))
        for piece in text.splitlines(keepends=True):
            line = self._line + piece.removesuffix("\n")
            self._extend_line(line, list(islice(styles, len(line))))
            if piece.endswith("\n"):
                next(styles)
                self._end_line()

    def _extend_line(self, line: str, styles: list[str]) -> None:
        shown_length = len(self._line)
        if line[shown_length:]:
            write_to_terminal(
                ("" if shown_length else self.gutter())
                + apply_styles(line[shown_length:], styles[shown_length:])
            )
        self._line, self._current_styles = line, styles
        self._shown_styles += styles[shown_length:]

    def _end_line(self) -> None:
        gutter = self.gutter()
        if not self._line:
            write_to_terminal(gutter)
        elif (
            self._current_styles != self._shown_styles
            and not self._is_long
            and fits_terminal_row(gutter + self._line)
        ):
            write_to_terminal("\r" + gutter + apply_styles(self._line, self._current_styles))
        write_to_terminal("\n")
        self._lines_so_far = take_last_lines(f"{self._lines_so_far}{self._line}\n")
        self._line, self._shown_styles, self._current_styles = "", [], []
        self._is_long = False


class HoleView(CodeView):
    """An answer in its place: line numbers, a few lines around it, its own lines marked."""

    def __init__(self, highlighter: Highlighter, source: Source, span: Span, color: bool) -> None:
        super().__init__(highlighter, "", "")
        self._color = color
        before, after = source.raw[source.begin : span.start], source.raw[span.end :]
        self._lines_before = sanitize(to_model_text(before)).split("\n")
        self._lines_after = sanitize(to_model_text(after)).split("\n")
        self._line_number = len(self._lines_before)
        self._number_width = len(str(self._line_number + len(self._lines_after)))
        if "\t" in source.raw:  # the prefix of a line must not move its tab stops
            self._number_width += -(self._number_width + GUTTER_SIGN_WIDTH) % TAB_WIDTH

    def begin(self) -> None:
        """Show the lines before the hole, and the start of its own line."""
        *before, line_start = self._lines_before
        nearby = before[-VIEW_CONTEXT_LINES:]
        self._lines_so_far = take_last_lines("".join(f"{line}\n" for line in before))
        self._dim_lines(nearby, self._line_number - len(nearby))
        self._write(line_start)

    def gutter(self) -> str:
        """The line's number, and the mark of a new line."""
        mark = f"{self._line_number:>{self._number_width}} + "
        return f"{ADDED}{mark}{RESET}" if self._color else mark

    def close(self) -> None:
        """Show the rest of the last line, and the lines that follow."""
        line_end, *following = self._lines_after
        self._write(sanitize(self._pending_cr) + line_end)
        if self._line or following:
            self._write("\n")
        if following and not following[-1]:
            following.pop()
        self._dim_lines(following[:VIEW_CONTEXT_LINES], self._line_number)

    def _end_line(self) -> None:
        super()._end_line()
        self._line_number += 1

    def _dim_lines(self, lines: Sequence[str], first: int) -> None:
        for number, line in enumerate(lines, first):
            text = f"{number:>{self._number_width}}   {line}"
            write_to_terminal(f"{DIM}{text}{RESET}\n" if self._color else f"{text}\n")


def show_patch(patch: bytes, color: bool) -> None:
    """Show a sanitised patch, with its lines coloured by what they do."""
    text = sanitize(patch.decode("utf-8", "surrogateescape"))
    for number, line in enumerate(text.splitlines()):
        style = BOLD if number < 2 else PATCH_COLORS.get(line[:1], "")
        write_to_terminal(f"{style}{line}{RESET}\n" if color and style else f"{line}\n")


def fits_terminal_row(line: str) -> bool:
    """Whether a coloured line surely fits in one row of the terminal."""
    from rich.cells import cell_len

    plain = COLOR_SEQUENCE.sub("", line).replace("\t", " " * TAB_WIDTH)
    return cell_len(plain) < shutil.get_terminal_size().columns


def write_to_terminal(text: str) -> None:
    """Write text to the terminal in its own encoding."""
    encoding = (sys.stdout.encoding if sys.stdout else None) or "utf-8"
    write_bytes(text.encode(encoding, "backslashreplace"))
