"""What becomes of a whole answer: a change of its file, a patch, a record, or a file of its own."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from starcoder_cli.errors import DataError, StarcoderError, UsageError
from starcoder_cli.files.read import STANDARD_INPUT
from starcoder_cli.files.source import Source, Span
from starcoder_cli.settings import STANDARD_OUTPUT, Color
from starcoder_cli.terminal.output import (
    BytesView,
    Messages,
    SilentView,
    View,
    encode,
    is_terminal,
    json_line,
    wants_color,
    write,
)
from starcoder_cli.terminal.sanitize import hidden, sanitize

if TYPE_CHECKING:
    from starcoder_cli.files.save import Target

EXCLUSIVE = (
    ("--diff", "--echo"),
    ("--diff", "--in-place"),
    ("--diff", "--json"),
    ("--echo", "--in-place"),
    ("--in-place", "--output"),
)


@dataclass(frozen=True)
class Look:
    """How an answer is to be shown, and where it goes.

    `between` draws it between its lines at a terminal, `in_place` puts it into the file.

    Raises UsageError where one thing excludes another.
    """

    between: bool = False
    json: bool = False
    echo: bool = False
    show_prompt: bool = False
    color: Color = "auto"
    quiet: bool = False
    verbose: bool = False
    diff: bool = False
    in_place: bool = False
    output: str = STANDARD_OUTPUT

    def __post_init__(self) -> None:
        chosen = {
            "--diff": self.diff,
            "--echo": self.echo,
            "--in-place": self.in_place,
            "--json": self.json,
            "--output": self.output != STANDARD_OUTPUT,
        }
        for one, other in EXCLUSIVE:
            if chosen[one] and chosen[other]:
                raise UsageError(f"{one} and {other} exclude each other", "choose one")

    @property
    def streams(self) -> bool:
        """Whether the answer goes to standard output while it is made."""
        return not (self.diff or self.in_place or self.json or self.output != STANDARD_OUTPUT)

    @property
    def draws(self) -> bool:
        """Whether what goes to standard output is for people: sanitised, and coloured or not."""
        return is_terminal(sys.stdout) or self.color == "always"

    @property
    def messages(self) -> Messages:
        """Where notes go."""
        return Messages(self.quiet, self.verbose)


def choose_view(source: Source, span: Span, lexer: str, look: Look) -> View:
    """The view for an answer that belongs in a range of a source."""
    if not look.streams:
        return SilentView()
    before, after = source.raw[: span.start], source.raw[span.end :]
    if not look.draws:
        return BytesView(before, after) if look.echo else BytesView()
    from starcoder_cli.terminal.code import CodeView, HoleView, Painter

    color = wants_color(look.color)
    painter = Painter(lexer, color)
    if look.between and not look.echo:
        return HoleView(painter, source, span, color)
    return CodeView(painter, before, after, echo=look.echo)


CUT_OFF = "the answer was cut off before its end", "raise --max-tokens, or name a smaller range"

Record = Mapping[str, object]


@dataclass(frozen=True)
class Delivery:
    """Where the answer for a range of a source goes; a patch calls the source by its `name`.

    A `partial` answer would take code away that it has nothing for.
    """

    source: Source
    span: Span
    lexer: str
    look: Look
    name: str
    target: "Target | None"
    partial: bool = False

    def withheld(self) -> "Delivery":
        """The same for an answer that was cut off."""
        return replace(self, partial=True)

    def deliver(self, text: str, record: Record) -> None:
        """Put a whole answer where it belongs; what streams is there already.

        Where a file cannot be written the answer goes to standard output instead: it took a while.

        Raises DataError for characters that nobody would see in the file, and for half an answer,
        and what `Target` raises.
        """
        if self.partial and self.look.diff:
            raise DataError(*CUT_OFF)
        found = sanitize(hidden(text, self.source.raw))
        if not self.target:
            self.show(text, record)
        else:
            try:
                self.save(self.target, text, record, found)
            except StarcoderError:
                self.show(text, record)
                raise
            if self.look.in_place:
                self.confirm(text, record)
        if found:
            self.look.messages.note(f"the answer has characters that nobody sees: {found}")

    def save(self, target: "Target", text: str, record: Record, found: str) -> None:
        """Write the file."""
        if not self.look.in_place:
            target.save(self.content(text, record))
            return
        if found:
            raise DataError(
                f"the answer has characters that nobody would see in the file: {found}",
                "it was left alone; the answer is on standard output",
            )
        if self.partial:
            raise DataError(*CUT_OFF)
        if text:
            target.save(encode(self.source.splice(self.span, text)))

    def confirm(self, text: str, record: Record) -> None:
        """Say what has been put into the file: as a record, or at a terminal as a change."""
        if self.look.json:
            write(self.content(text, record))
        elif self.look.draws:
            self.draw_patch(text)

    def show(self, text: str, record: Record) -> None:
        """Write to standard output what did not stream, or what could not be saved."""
        if self.look.streams:
            return
        if self.look.diff and self.look.draws:
            self.draw_patch(text)
        elif self.look.diff or self.look.json:
            write(self.content(text, record))
        else:
            look = replace(self.look, in_place=False, output=STANDARD_OUTPUT)
            view = choose_view(self.source, self.span, self.lexer, look)
            view.begin()
            view.show(text)
            view.close()

    def content(self, text: str, record: Record) -> bytes:
        """The answer in the form that was asked for."""
        if self.look.json:
            return json_line(record)
        if self.look.diff:
            return self.patch(text)
        return encode(self.source.splice(self.span, text) if self.look.echo else text)

    def patch(self, text: str) -> bytes:
        """The change that the answer is; no answer is no change."""
        from starcoder_cli.files.patch import patch

        new = self.source.splice(self.span, text) if text else self.source.raw
        return patch(os.fsencode(self.name), encode(self.source.raw), encode(new))

    def draw_patch(self, text: str) -> None:
        """Show the change to people."""
        from starcoder_cli.terminal.code import draw_patch

        draw_patch(self.patch(text), wants_color(self.look.color))


def prepare(source: Source, span: Span, look: Look, lexer: str, filename: str | None) -> Delivery:
    """Find out where an answer goes before there is one.

    Raises UsageError where it can go nowhere, and whatever keeps a file from being written.
    """
    name, target = filename or "", None
    if source.name != STANDARD_INPUT and (look.diff or look.in_place):
        name = Path(os.path.relpath(os.path.realpath(source.name))).as_posix()
    if look.diff and not name:
        raise UsageError("--diff needs the name of a file", "give it with --filename")
    if look.in_place:
        if source.name == STANDARD_INPUT:
            raise UsageError("--in-place needs a file", "name one instead of piping text in")
        from starcoder_cli.files.save import Target

        target = Target.edited(source.name, encode(source.raw))
    elif look.output != STANDARD_OUTPUT:
        if is_same_file(look.output, source.name):
            raise UsageError(
                f"--output would replace {source.name} by the answer", "use --in-place"
            )
        from starcoder_cli.files.save import Target

        target = Target.output(look.output)
    return Delivery(source, span, lexer, look, name, target)


def is_same_file(one: str, other: str) -> bool:
    """Whether two paths lead to the same file."""
    try:
        return os.path.samefile(one, other)  # noqa: PTH121 - a path may be any text
    except OSError:
        return False
