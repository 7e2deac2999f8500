"""One of several answers, chosen by a person at a terminal.

All of this is written to standard error, so that only the answer goes to standard output.
"""

import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from starcoder_cli.candidates.ranking import Candidate
from starcoder_cli.errors import UsageError
from starcoder_cli.terminal.code import DIM, RESET, Highlighter, apply_styles, take_last_lines
from starcoder_cli.terminal.output import is_plain_terminal, is_terminal
from starcoder_cli.terminal.sanitize import sanitize

if TYPE_CHECKING:
    from prompt_toolkit.formatted_text import StyleAndTextTuples
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

UNDERLINE_STYLE = "\x1b[4m"
DIFF_WORD_PATTERN = re.compile(r"\w+|\s+|.", re.DOTALL)
MAX_FLAWS_SHOWN = 2
MAX_WORDS_COMPARED = 4000  # a comparison takes time quadratic in them


def need_terminal() -> None:
    """Raise UsageError if nobody can be asked."""
    if not is_terminal(sys.stderr) or is_plain_terminal():
        raise UsageError("--pick needs a terminal to ask at", "omit it to take the best one")


def pick(candidates: Sequence[Candidate], painter: Highlighter, before: str) -> int:
    """Ask which of the candidates the user takes; raises KeyboardInterrupt if they leave.

    `before` is the text before the answers, which the colours depend on.
    """
    for number, candidate in enumerate(candidates, 1):
        sys.stderr.write(candidate_heading(number, candidate, painter))
        sys.stderr.write(highlight_difference(candidate.text, candidates[0].text, painter, before))
    sys.stderr.flush()
    return ask_for_number(len(candidates))


def candidate_heading(number: int, candidate: Candidate, painter: Highlighter) -> str:
    """A line with the number of a candidate and what is known about it."""
    logprob = candidate.completion.mean_logprob  # 0 if the server does not tell it
    known = [f"{logprob:.2f} a token"] if logprob else []
    known += ["does not parse"] if candidate.parses is False else []
    known += candidate.flaws[:MAX_FLAWS_SHOWN]
    known += ["cut off"] if candidate.completion.reason == "length" else []
    line = f"{number}  {', '.join(known)}".rstrip()
    return f"{DIM}{line}{RESET}\n" if painter.color else f"{line}\n"


def highlight_difference(text: str, first: str, painter: Highlighter, before: str) -> str:
    """The lines of an answer, with those marked that differ from the first answer's.

    In colour, the words that differ are underlined.
    """
    text = sanitize(text.replace("\r\n", "\n")).rstrip("\n")
    marks = differing_spans(text, sanitize(first))
    styles = painter.styles_for(sanitize(take_last_lines(before)), text)
    if painter.color:
        styles = [
            style + UNDERLINE_STYLE if mark else style
            for style, mark in zip(styles, marks, strict=True)
        ]
    lines, at = [], 0
    for line in text.split("\n"):
        end = at + len(line)
        gutter = " + " if any(marks[at:end]) else "   "
        lines.append(gutter + apply_styles(line, styles[at:end]) + "\n")
        at = end + 1
    return "".join(lines)


def differing_spans(text: str, first: str) -> list[bool]:
    """For each character of a text, whether its word differs from the first text's."""
    from difflib import SequenceMatcher

    words, others = DIFF_WORD_PATTERN.findall(text), DIFF_WORD_PATTERN.findall(first)
    if max(len(words), len(others)) > MAX_WORDS_COMPARED:
        return [text != first] * len(text)
    marks: list[bool] = []
    for kind, _, _, begin, end in SequenceMatcher(None, others, words, False).get_opcodes():
        for word in words[begin:end]:
            marks += [kind != "equal" and not word.isspace()] * len(word)
    return marks


class Cursor:
    """Which of `count` answers is selected as keys are pressed; `done` once that is certain."""

    def __init__(self, count: int) -> None:
        self.at = 0
        self.done = False
        self._count = count
        self._typed = 0
        self._missing: int | None = None

    def move(self, step: int) -> None:
        """Move to the next or the previous answer, wrapping around at the ends."""
        self._missing = None
        self.at = (self.at + step) % self._count
        self._typed = 0

    def digit(self, digit: int) -> None:
        """Add a digit to the number; if no further digit can follow, that is the answer."""
        number = self._typed * 10 + digit
        number = number if number <= self._count else digit
        self._missing = None if 1 <= number <= self._count else number
        if self._missing is not None:
            return
        self.at, self._typed = number - 1, number
        self.done = number * 10 > self._count

    def take(self) -> bool:
        """Whether the selected answer is meant, rather than a number that does not exist."""
        is_meant, self._missing = self._missing is None, None
        return is_meant

    def text(self) -> "StyleAndTextTuples":
        """The line that asks, in prompt_toolkit's form."""
        if self._missing is not None:
            return [("", f"there is no {self._missing}: take 1 to {self._count}, or q to leave")]
        numbers = [("reverse" if at == self.at else "", f" {at + 1} ") for at in range(self._count)]
        return [("", "take "), *numbers, ("", "  (its number; or arrows, Enter; q quits)")]


def ask_for_number(count: int) -> int:
    """Ask which of `count` the user takes, counted from 0; KeyboardInterrupt if they leave."""
    from prompt_toolkit.application import Application
    from prompt_toolkit.input import create_input
    from prompt_toolkit.layout import FormattedTextControl, Layout, Window
    from prompt_toolkit.output import create_output

    cursor = Cursor(count)
    control = FormattedTextControl(cursor.text, focusable=True, show_cursor=False)
    application: Application[int] = Application(
        Layout(Window(control, height=1)),
        key_bindings=key_bindings(cursor),
        input=create_input(always_prefer_tty=True),
        output=create_output(sys.stderr),
        erase_when_done=True,
    )
    return application.run()


def key_bindings(cursor: Cursor) -> "KeyBindings":
    """What each key does."""
    from prompt_toolkit.key_binding import KeyBindings

    keys = KeyBindings()

    @keys.add("up")
    @keys.add("left")
    @keys.add("k")
    def back(event: "KeyPressEvent") -> None:
        cursor.move(-1)

    @keys.add("down")
    @keys.add("right")
    @keys.add("j")
    @keys.add("tab")
    def on(event: "KeyPressEvent") -> None:
        cursor.move(1)

    @keys.add("<any>")
    def number(event: "KeyPressEvent") -> None:
        if event.data.isdecimal() and event.data.isascii():
            cursor.digit(int(event.data))
        if cursor.done:
            event.app.exit(result=cursor.at)

    @keys.add("enter")
    def take(event: "KeyPressEvent") -> None:
        if cursor.take():
            event.app.exit(result=cursor.at)

    @keys.add("q")
    @keys.add("escape")
    @keys.add("c-c")
    @keys.add("c-d")
    def leave(event: "KeyPressEvent") -> None:
        event.app.exit(exception=KeyboardInterrupt())

    return keys
