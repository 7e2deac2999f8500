"""What leaves the program: answers on standard output, everything else on standard error.

In a pipe an answer is exactly the model's bytes. At a terminal whatever comes from outside is
sanitised first, and what draws in colour is in `code.py`.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol, TextIO

from starcoder_cli.errors import StarcoderError, WriteError
from starcoder_cli.settings import ColorMode
from starcoder_cli.system.descriptors import wait_until_writable
from starcoder_cli.terminal.sanitize import to_one_line
from starcoder_cli.terminal.status import draw_status


class View(Protocol):
    """Where an answer is shown while it is made."""

    def begin(self) -> None:
        """Show what comes before the answer."""

    def show(self, text: str) -> None:
        """Show the next piece of the answer."""

    def close(self) -> None:
        """Show what comes after a whole answer."""

    def abandon(self) -> None:
        """Leave an answer that broke off as it is."""


class BytesView:
    """The answer's bytes and nothing else, but for the text around it that it is given."""

    def __init__(self, before: str = "", after: str = "") -> None:
        self._before = before
        self._after = after
        self._line = ""

    def begin(self) -> None:
        """Write the text before the answer."""
        self.show(self._before)

    def show(self, text: str) -> None:
        """Write the lines that are whole, each at once: others may write to the same pipe."""
        lines, newline, self._line = (self._line + text).rpartition("\n")
        write_text(lines + newline)

    def close(self) -> None:
        """Write the rest, and the text after the answer."""
        write_text(self._line + self._after)

    def abandon(self) -> None:
        """Write the rest."""
        write_text(self._line)


class SilentView:
    """Shows nothing: for answers that are reported whole."""

    def begin(self) -> None:
        """Nothing."""

    def show(self, text: str) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""

    def abandon(self) -> None:
        """Nothing."""


def standard_output() -> BinaryIO:
    """Standard output as bytes; WriteError where the process was started without one."""
    if sys.stdout is None or sys.stdout.closed:
        raise WriteError("standard output is closed", "redirect it to a file or a pipe")
    return sys.stdout.buffer


def write_bytes(data: bytes) -> None:
    """Write to standard output at once; WriteError where that fails, except for a closed pipe."""
    stream, rest = standard_output(), memoryview(data)
    try:
        # An unbuffered stream (`python -u`) may take a part of the data, and say so; one that
        # does not block may take nothing.
        while rest:
            try:
                written = stream.write(rest)
            except BlockingIOError as error:
                written = error.characters_written
            if not written:
                wait_until_writable(stream.fileno())
            rest = rest[written or 0 :]
        flush_whole(stream)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise WriteError(
            f"cannot write to standard output: {error.strerror}", "make room, or write elsewhere"
        ) from error


def flush_whole(stream: BinaryIO) -> None:
    """Write out all that a stream holds; raises OSError."""
    while True:
        try:
            return stream.flush()
        except BlockingIOError:
            wait_until_writable(stream.fileno())


def write_text(text: str) -> None:
    """Write text; undecodable bytes of a source come out as they went in."""
    if text:
        write_bytes(encode_text(text))


def encode_text(text: str) -> bytes:
    """Text as it goes out; what was no UTF-8 in a source is as it was."""
    return text.encode("utf-8", "surrogateescape")


def write_json(record: Mapping[str, object]) -> None:
    """Write a record as one line of ASCII JSON."""
    write_bytes(encode_json_line(record))


def encode_json_line(record: Mapping[str, object]) -> bytes:
    """A record as one line of ASCII JSON."""
    return json.dumps(record).encode() + b"\n"


@dataclass(frozen=True)
class Messages:
    """Notes to whoever runs the program, on standard error.

    `quiet` keeps all but errors back, `verbose` adds how things are done.
    """

    quiet: bool = False
    verbose: bool = False

    def note(self, text: str) -> None:
        """One line that is worth knowing."""
        if not self.quiet:
            write_message(f"note: {to_one_line(text, 500)}")

    def detail(self, text: str) -> None:
        """One line for whoever wants to know how it is done."""
        if self.verbose:
            write_message(to_one_line(text, 1000))

    def show_status(self, text: str) -> None:
        """What is going on, in place, at a terminal only; an empty text clears it."""
        if not self.quiet and is_terminal(sys.stderr) and not is_plain_terminal():
            draw_status(text)

    @contextmanager
    def show_progress(self, activity: str) -> Iterator["Messages"]:
        """Show what is going on in the body, which sends its notes to the messages it gets."""
        self.show_status(activity)
        try:
            yield ProgressMessages(self.quiet, self.verbose, activity)
        finally:
            self.show_status("")


@dataclass(frozen=True)
class ProgressMessages(Messages):
    """Notes that stand above a line which says what is going on."""

    activity: str = ""

    def note(self, text: str) -> None:
        """Put one line above it."""
        self.show_status("")
        super().note(text)
        self.show_status(self.activity)

    def detail(self, text: str) -> None:
        """The same for details."""
        self.show_status("")
        super().detail(text)
        self.show_status(self.activity)


@dataclass(frozen=True)
class CollectedMessages(Messages):
    """Notes that are kept, to become part of a record."""

    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Keep the note."""
        self.notes.append(text)

    def detail(self, text: str) -> None:
        """Nothing: details are for people."""

    def show_status(self, text: str) -> None:
        """Nothing: so is what is going on."""

    @contextmanager
    def show_progress(self, activity: str) -> Iterator[Messages]:
        """Nothing is shown; the notes of the body are kept too."""
        yield self


def report_error(error: StarcoderError) -> None:
    """Say on standard error, in one line, what went wrong and what to do."""
    write_message(f"error: {to_one_line(str(error), 1000)}")


def write_message(line: str) -> None:
    """Write a line to standard error, if there is one; where that fails, nobody can be told."""
    if sys.stderr is None or sys.stderr.closed:
        return
    encoding = sys.stderr.encoding or "utf-8"
    try:
        sys.stderr.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        sys.stderr.flush()
    except OSError:
        discard_buffer(sys.stderr)


def discard_buffer(stream: TextIO | None) -> None:
    """Send what a standard stream still holds nowhere, where it would fail again at exit."""
    if stream is None or stream.closed:
        return
    try:
        descriptor = stream.fileno()
    except OSError:
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def is_terminal(stream: object) -> bool:
    """Whether a standard stream is there and is a terminal."""
    isatty = getattr(stream, "isatty", None)
    return bool(isatty and isatty())


def is_plain_terminal() -> bool:
    """Whether a terminal takes nothing but text, as far as TERM says, or does not say."""
    return os.environ.get("TERM", "") in ("", "dumb")


def wants_color(color: ColorMode, stream: TextIO | None = None) -> bool:
    """Whether a stream gets colours: a terminal does, unless NO_COLOR or TERM says not.

    It is standard output where none is named.
    """
    if color != "auto":
        return color == "always"
    plain = os.environ.get("NO_COLOR") or is_plain_terminal()
    return is_terminal(stream or sys.stdout) and not plain
