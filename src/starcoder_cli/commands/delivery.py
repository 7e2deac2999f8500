"""What becomes of a whole answer: a change of its file, a patch, a record, or a file of its own."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from starcoder_cli.commands.view import Look, choose_view
from starcoder_cli.errors import DataError, StarcoderError, UsageError
from starcoder_cli.input import STANDARD_INPUT
from starcoder_cli.output import encode, json_line, wants_color, write
from starcoder_cli.sanitize import hidden, sanitize
from starcoder_cli.settings import STANDARD_OUTPUT
from starcoder_cli.source import Source, Span

if TYPE_CHECKING:
    from starcoder_cli.saving import Target

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
        from starcoder_cli.patch import patch

        new = self.source.splice(self.span, text) if text else self.source.raw
        return patch(os.fsencode(self.name), encode(self.source.raw), encode(new))

    def draw_patch(self, text: str) -> None:
        """Show the change to people."""
        from starcoder_cli.terminal import draw_patch

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
        from starcoder_cli.saving import Target

        target = Target.edited(source.name, encode(source.raw))
    elif look.output != STANDARD_OUTPUT:
        if is_same_file(look.output, source.name):
            raise UsageError(
                f"--output would replace {source.name} by the answer", "use --in-place"
            )
        from starcoder_cli.saving import Target

        target = Target.output(look.output)
    return Delivery(source, span, lexer, look, name, target)


def is_same_file(one: str, other: str) -> bool:
    """Whether two paths lead to the same file."""
    try:
        return os.path.samefile(one, other)  # noqa: PTH121 - a path may be any text
    except OSError:
        return False
