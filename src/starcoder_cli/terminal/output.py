"""All output of the program: answers on standard output, everything else on standard error.

In a pipe an answer is exactly the model's bytes. At a terminal anything from outside is sanitised
first; colour output is in `code.py`.
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
    """Shows an answer while it is made."""

    def begin(self) -> None:
        """Show what comes before the answer."""

    def show(self, text: str) -> None:
        """Show the next piece of the answer."""

    def close(self) -> None:
        """Show what comes after a complete answer."""

    def abandon(self) -> None:
        """Leave an interrupted answer as it is."""


class BytesView:
    """Writes only the answer's bytes, and the text around it if given."""

    def __init__(self, before: str = "", after: str = "") -> None:
        self._before = before
        self._after = after
        self._line = ""

    def begin(self) -> None:
        """Write the text before the answer."""
        self.show(self._before)

    def show(self, text: str) -> None:
        """Write the complete lines, each at once: others may write to the same pipe."""
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
        """Do nothing."""

    def show(self, text: str) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""

    def abandon(self) -> None:
        """Do nothing."""


def standard_output() -> BinaryIO:
    """Standard output as bytes; raises WriteError if the process has none."""
    if sys.stdout is None or sys.stdout.closed:
        raise WriteError("standard output is closed", "redirect it to a file or a pipe")
    return sys.stdout.buffer


def write_bytes(data: bytes) -> None:
    """Write to standard output at once; raises WriteError on failure, except for a closed pipe."""
    stream, rest = standard_output(), memoryview(data)
    try:
        # An unbuffered stream (`python -u`) may report a partial write; a non-blocking one may
        # write nothing.
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
    """Flush a stream completely; raises OSError."""
    while True:
        try:
            return stream.flush()
        except BlockingIOError:
            wait_until_writable(stream.fileno())


def write_text(text: str) -> None:
    """Write text; undecodable bytes of a source are restored."""
    if text:
        write_bytes(encode_text(text))


def encode_text(text: str) -> bytes:
    """Encode text for output; bytes of a source that were not UTF-8 are restored."""
    return text.encode("utf-8", "surrogateescape")


def write_json(record: Mapping[str, object]) -> None:
    """Write a record as one line of ASCII JSON."""
    write_bytes(encode_json_line(record))


def encode_json_line(record: Mapping[str, object]) -> bytes:
    """Encode a record as one line of ASCII JSON."""
    return json.dumps(record).encode() + b"\n"


@dataclass(frozen=True)
class Messages:
    """Notes to the user, on standard error.

    `quiet` suppresses everything except errors, `verbose` adds how things are done.
    """

    quiet: bool = False
    verbose: bool = False

    def note(self, text: str) -> None:
        """Write a one-line note."""
        if not self.quiet:
            write_message(f"note: {to_one_line(text, 500)}")

    def detail(self, text: str) -> None:
        """Write a one-line detail for users who want to know how it is done."""
        if self.verbose:
            write_message(to_one_line(text, 1000))

    def show_status(self, text: str) -> None:
        """Show the current activity in place, at a terminal only; an empty text clears it."""
        if not self.quiet and is_terminal(sys.stderr) and not is_plain_terminal():
            draw_status(text)

    @contextmanager
    def show_progress(self, activity: str) -> Iterator["Messages"]:
        """Show the activity during the body, which sends its notes to the messages it gets."""
        self.show_status(activity)
        try:
            yield ProgressMessages(self.quiet, self.verbose, activity)
        finally:
            self.show_status("")


@dataclass(frozen=True)
class ProgressMessages(Messages):
    """Notes written above a line that shows the current activity."""

    activity: str = ""

    def note(self, text: str) -> None:
        """Write a note above the activity."""
        self.show_status("")
        super().note(text)
        self.show_status(self.activity)

    def detail(self, text: str) -> None:
        """Write a detail above the activity."""
        self.show_status("")
        super().detail(text)
        self.show_status(self.activity)


@dataclass(frozen=True)
class CollectedMessages(Messages):
    """Notes collected for a record."""

    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Keep the note."""
        self.notes.append(text)

    def detail(self, text: str) -> None:
        """Do nothing: details are for people."""

    def show_status(self, text: str) -> None:
        """Do nothing: so is the current activity."""

    @contextmanager
    def show_progress(self, activity: str) -> Iterator[Messages]:
        """Show nothing; the notes of the body are kept too."""
        yield self


def report_error(error: StarcoderError) -> None:
    """Report on standard error, in one line, what went wrong and what to do."""
    write_message(f"error: {to_one_line(str(error), 1000)}")


def write_message(line: str) -> None:
    """Write a line to standard error, if there is one; failures are ignored."""
    if sys.stderr is None or sys.stderr.closed:
        return
    encoding = sys.stderr.encoding or "utf-8"
    try:
        sys.stderr.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        sys.stderr.flush()
    except OSError:
        discard_buffer(sys.stderr)


def discard_buffer(stream: TextIO | None) -> None:
    """Discard what a standard stream still holds, as it would fail again at exit."""
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
    """Whether a standard stream exists and is a terminal."""
    isatty = getattr(stream, "isatty", None)
    return bool(isatty and isatty())


def is_plain_terminal() -> bool:
    """Whether a terminal supports only text, according to TERM or its absence."""
    return os.environ.get("TERM", "") in ("", "dumb")


def wants_color(color: ColorMode, stream: TextIO | None = None) -> bool:
    """Whether a stream gets colours: a terminal does, unless NO_COLOR or TERM says not.

    The default is standard output.
    """
    if color != "auto":
        return color == "always"
    plain = os.environ.get("NO_COLOR") or is_plain_terminal()
    return is_terminal(stream or sys.stdout) and not plain
