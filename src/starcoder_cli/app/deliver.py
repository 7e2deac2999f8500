"""What becomes of an answer: a change of its file, a patch, a record, or a file of its own."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from starcoder_cli.errors import DataError, RefusedError, StarcoderError, UsageError
from starcoder_cli.files.encoding import check_can_hold
from starcoder_cli.files.links import find_file_outside
from starcoder_cli.files.read import STANDARD_INPUT
from starcoder_cli.files.source import Source, Span
from starcoder_cli.settings import STANDARD_OUTPUT, ColorMode
from starcoder_cli.terminal.output import (
    BytesView,
    Messages,
    SilentView,
    View,
    encode_json_line,
    encode_text,
    is_terminal,
    wants_color,
    write_bytes,
)
from starcoder_cli.terminal.sanitize import find_unsafe_characters, sanitize

if TYPE_CHECKING:
    from starcoder_cli.files.output import OutputTarget
    from starcoder_cli.files.patch import PatchTarget

OUTPUT_EXCLUSIVE = (
    ("--diff", "--echo"),
    ("--diff", "--in-place"),
    ("--diff", "--json"),
    ("--echo", "--in-place"),
    ("--in-place", "--output"),
)


@dataclass(frozen=True)
class OutputOptions:
    """How an answer is shown, and where it goes.

    `between` draws it between its lines at a terminal, `in_place` puts it into the file. With
    `whole`, `echo` prints all of a file of which the source is a part.
    Raises UsageError if two options cannot be used together.
    """

    between: bool = False
    json: bool = False
    echo: bool = False
    show_prompt: bool = False
    color: ColorMode = "auto"
    quiet: bool = False
    verbose: bool = False
    diff: bool = False
    in_place: bool = False
    output: str = STANDARD_OUTPUT
    whole: bool = False

    def __post_init__(self) -> None:
        chosen = {
            "--diff": self.diff,
            "--echo": self.echo,
            "--in-place": self.in_place,
            "--json": self.json,
            "--output": self.output != STANDARD_OUTPUT,
        }
        for one, other in OUTPUT_EXCLUSIVE:
            if chosen[one] and chosen[other]:
                raise UsageError(f"{one} and {other} cannot be used together", "choose one")

    @property
    def streams(self) -> bool:
        """Whether the answer goes to standard output as it arrives."""
        changes_file = self.diff or self.in_place or self.whole
        return not (changes_file or self.json or self.output != STANDARD_OUTPUT)

    @property
    def draws(self) -> bool:
        """Whether standard output is for people: sanitized, and perhaps coloured."""
        return is_terminal(sys.stdout) or self.color == "always"

    @property
    def messages(self) -> Messages:
        """Where notes go."""
        return Messages(self.quiet, self.verbose)


def choose_view(source: Source, span: Span, lexer: str, options: OutputOptions) -> View:
    """The view for an answer that belongs in a range of a source."""
    if not options.streams:
        return SilentView()
    before, after = source.raw[: span.start], source.raw[span.end :]
    if not options.draws:
        return BytesView(before, after) if options.echo else BytesView()
    from starcoder_cli.terminal.code import CodeView, Highlighter, HoleView

    color = wants_color(options.color)
    painter = Highlighter(lexer, color)
    if options.between and not options.echo:
        return HoleView(painter, source, span, color)
    return CodeView(painter, before, after, echo=options.echo)


Record = Mapping[str, object]


@dataclass(frozen=True)
class Delivery:
    """Where the answer for a range of a source goes; `patch_target` is what a patch is for.

    An answer with a `defect` is not written to any file.
    """

    source: Source
    span: Span
    lexer: str
    options: OutputOptions
    patch_target: "PatchTarget | None"
    target: "OutputTarget | None"
    defect: DataError | None = None

    @property
    def changes_file(self) -> bool:
        """Whether the answer becomes a change of its file, written or as a patch."""
        return self.options.in_place or self.options.diff

    @property
    def refuses(self) -> bool:
        """Whether the answer's defect keeps it out of a file or a patch."""
        is_written = self.changes_file or (self.target and not self.options.json)
        return bool(self.defect and is_written)

    def deliver(self, text: str, record: Record) -> None:
        """Put an answer where it belongs; what streams is there already.

        If a file cannot be written, the answer goes to standard output instead: it took a while.
        Raises DataError for characters that nobody would see in the file, and for an answer with a
        defect, and what `SaveTarget` raises.
        """
        if self.defect and self.options.diff:
            raise self.defect
        if self.changes_file and text and text == self.source.raw[self.span.start : self.span.end]:
            self.options.messages.note("the answer is what was there: nothing changes")
        unsafe = sanitize(find_unsafe_characters(text, self.source.raw))
        if unsafe and self.options.diff and not self.target:
            raise DataError(
                f"the answer has characters that nobody would see in the patch: {unsafe}",
                "ask again, or run it without --diff",
            )
        if not self.target:
            self.show(text, record)
        else:
            try:
                self.save(self.target, text, record, unsafe)
            except StarcoderError:
                self.show(text, record)
                raise
            if self.options.in_place:
                self.confirm(text, record)
        if unsafe:
            self.options.messages.note(f"the answer has characters that nobody sees: {unsafe}")

    def save(self, target: "OutputTarget", text: str, record: Record, unsafe: str) -> None:
        """Write the file; a record holds the answer whatever is wrong with it."""
        is_record = self.options.json and not self.options.in_place
        if unsafe and not is_record:
            raise DataError(
                f"the answer has characters that nobody would see in the file: {unsafe}",
                "it was left alone; the answer is on standard output",
            )
        if self.defect and self.refuses:
            raise self.defect
        if not self.options.in_place:
            target.save(self.content(text, record))
        elif text:
            target.save(self.changed(text))

    def confirm(self, text: str, record: Record) -> None:
        """Show what has been put into the file: as a record, or at a terminal as a change."""
        if self.options.json:
            write_bytes(self.content(text, record))
        elif self.options.draws:
            self.draw_patch(text)

    def show(self, text: str, record: Record) -> None:
        """Write to standard output what did not stream, or what could not be saved."""
        if self.options.streams:
            return
        if self.options.diff and self.options.draws:
            self.draw_patch(text)
        elif self.options.diff or self.options.json or self.options.whole:
            write_bytes(self.content(text, record))
        else:
            options = replace(self.options, in_place=False, output=STANDARD_OUTPUT)
            view = choose_view(self.source, self.span, self.lexer, options)
            view.begin()
            view.show(text)
            view.close()

    def content(self, text: str, record: Record) -> bytes:
        """The answer in the form that was asked for."""
        if self.options.json:
            return encode_json_line(record)
        if self.options.diff:
            return self.patch(text)
        return self.changed(text) if self.options.echo else encode_text(text)

    def changed(self, text: str) -> bytes:
        """The file with the answer in it; raises DataError if its encoding cannot hold that."""
        check_can_hold(self.source.document, text, self.source.display_name)
        return encode_text(self.source.replaced(self.span, text))

    def patch(self, text: str) -> bytes:
        """The answer as a patch; without an answer nothing changes."""
        assert self.patch_target is not None
        old = self.source.document
        new = self.changed(text) if text else encode_text(old)
        return self.patch_target.patch(encode_text(old), new)

    def draw_patch(self, text: str) -> None:
        """Show the change to the user."""
        from starcoder_cli.terminal.code import show_patch

        show_patch(self.patch(text), wants_color(self.options.color))


def plan_delivery(
    source: Source, span: Span, options: OutputOptions, lexer: str, filename: str | None
) -> Delivery:
    """Find out where an answer goes before there is one.

    Raises UsageError if it can go nowhere, RefusedError if a link leads out of the repository,
    and whatever else keeps a file from being written.
    """
    path = (filename or "") if source.name == STANDARD_INPUT else source.name
    target: OutputTarget | None = None
    if options.diff and not path:
        raise UsageError("--diff needs the name of a file", "give it with --filename")
    patch_target = find_patch_target(path, options) if options.diff or options.in_place else None
    if options.in_place:
        if source.name == STANDARD_INPUT:
            raise UsageError("--in-place needs a file", "name one instead of piping text in")
        from starcoder_cli.files.save import SaveTarget

        if linked := find_file_outside(source.name):
            raise RefusedError(str(linked), "name that file itself")
        target = SaveTarget.for_edit(source.name, encode_text(source.document))
    elif options.output != STANDARD_OUTPUT:
        if is_same_file(options.output, source.name):
            raise UsageError(
                f"--output would replace {source.name} with the answer", "use --in-place"
            )
        from starcoder_cli.files.output import open_output

        note_file_outside(options.output, options.messages)
        target = open_output(options.output)
    return Delivery(source, span, lexer, options, patch_target, target)


def find_patch_target(path: str, options: OutputOptions) -> "PatchTarget":
    """What a patch is for; a note says where to apply it if not here."""
    from starcoder_cli.files.patch import PatchTarget

    target = PatchTarget.of(path)
    if target.folder and options.diff:
        options.messages.note(
            f"the paths in the patch are relative to {target.folder}: apply it there"
        )
    return target


def note_file_outside(path: str, messages: Messages) -> None:
    """Say which file will be written if a link leads out of a repository to it."""
    if linked := find_file_outside(path):
        messages.note(f"{linked}, which is written")


def is_same_file(one: str, other: str) -> bool:
    """Whether two paths lead to the same file."""
    try:
        return os.path.samefile(one, other)  # noqa: PTH121 - a path may be any text
    except OSError:
        return False
