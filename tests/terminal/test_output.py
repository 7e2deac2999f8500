"""What leaves the program, and what keeps it from leaving."""

import io
import os
import sys
import threading
from types import SimpleNamespace

import pytest

from starcoder_cli.errors import DataError, WriteError
from starcoder_cli.terminal.output import (
    BytesView,
    CollectedMessages,
    Messages,
    report_error,
    wants_color,
    write_bytes,
    write_json,
    write_message,
    write_text,
)


class Sips(io.RawIOBase):
    """Takes a few bytes at a time, as an unbuffered pipe may."""

    def __init__(self) -> None:
        self.taken = b""

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(memoryview(data))[:3]  # type: ignore[arg-type]  # whatever has bytes
        self.taken += piece
        return len(piece)


def test_everything_is_written_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was a bug that an unbuffered output lost what it did not take at once."""
    stream = Sips()
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=stream, closed=False))
    write_bytes(b"0123456789")
    write_bytes(b"")
    assert stream.taken == b"0123456789"


@pytest.mark.parametrize("buffering", [-1, 0], ids=["buffered", "unbuffered"])
def test_a_pipe_that_does_not_block_is_waited_for(
    buffering: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = b"a line\n" * 40_000  # more than a pipe holds
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    read: list[bytes] = []
    with open(writing, "wb", buffering) as stream, open(reading, "rb") as end:  # noqa: PTH123
        reader = threading.Thread(target=lambda: read.append(end.read(len(data))))
        reader.start()
        monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=stream, closed=False))
        write_bytes(data)
        reader.join()
    assert read == [data]


def test_lines_are_written_whole(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """Programs that write to the same pipe do not get between the words of a line."""
    view = BytesView("a = ", "\nz\n")
    written = []
    view.begin()
    for piece in ("1", " + 2", "\n", "b\nc = ", "3\r", "\nd", "é"):
        view.show(piece)
        written.append(capfdbinary.readouterr().out)
    view.close()
    written.append(capfdbinary.readouterr().out)
    rest = "dé\nz\n".encode()
    assert written == [b"", b"", b"a = 1 + 2\n", b"b\n", b"", b"c = 3\r\n", b"", rest]


def test_what_broke_off_is_written_as_far_as_it_came(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    view = BytesView("", "never")
    view.begin()
    view.show("a\nb = ")
    view.abandon()
    assert capfdbinary.readouterr().out == b"a\nb = "


def test_text_keeps_undecodable_bytes(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    write_text("é\udcff\r\n")
    assert capfdbinary.readouterr() == (b"\xc3\xa9\xff\r\n", b"")


def test_json_is_ascii_on_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    write_json({"text": "\x1b[0m\n\u202eé\udcff"})
    assert capfd.readouterr() == ('{"text": "\\u001b[0m\\n\\u202e\\u00e9\\udcff"}\n', "")


@pytest.mark.parametrize("stream", [None, SimpleNamespace(closed=True)], ids=["none", "closed"])
def test_without_standard_output(stream: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", stream)
    with pytest.raises(WriteError, match="standard output is closed"):
        write_bytes(b"x")


def test_an_error_is_one_line_that_no_terminal_obeys(capfd: pytest.CaptureFixture[str]) -> None:
    report_error(DataError("a\x1b[31m\nb\r[red]", "c\u2028d"))
    assert capfd.readouterr() == ("", "error: a␛[31m b␍[red]; c<U+2028>d\n")


def test_an_error_is_not_endless(capfd: pytest.CaptureFixture[str]) -> None:
    report_error(DataError("x" * 5000))
    assert capfd.readouterr() == ("", f"error: {'x' * 999}…\n")


def test_a_note_can_be_kept_back(capfd: pytest.CaptureFixture[str]) -> None:
    Messages().note("a\nb")
    Messages(quiet=True).note("c")
    assert capfd.readouterr() == ("", "note: a b\n")


def test_status_is_for_terminals(capfd: pytest.CaptureFixture[str]) -> None:
    Messages().show_status("reading …")
    assert capfd.readouterr() == ("", "")


def test_what_an_encoding_does_not_have_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stderr", stream)
    write_message("naïve …")
    assert stream.buffer.getvalue() == b"na\\xefve \\u2026\n"


def test_without_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    write_message("nobody hears")
    Messages().show_status("this")


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("color", "stream", "variables", "expected"),
    [
        ("auto", Terminal(), {}, True),
        ("auto", io.StringIO(), {}, False),
        ("auto", Terminal(), {"NO_COLOR": "1"}, False),
        ("auto", Terminal(), {"NO_COLOR": ""}, True),
        ("auto", Terminal(), {"TERM": "dumb"}, False),
        ("auto", Terminal(), {"TERM": ""}, False),
        ("always", io.StringIO(), {"NO_COLOR": "1", "TERM": "dumb"}, True),
        ("never", Terminal(), {}, False),
    ],
)
def test_colors(
    color: str,
    stream: io.StringIO,
    variables: dict[str, str],
    expected: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdout", stream)
    for name, value in {"NO_COLOR": "", "TERM": "xterm", **variables}.items():
        monkeypatch.setenv(name, value)
    assert wants_color(color) is expected  # type: ignore[arg-type]  # the table's words are three


def test_notes_that_are_collected_are_so_while_something_is_in_progress(
    capsys: pytest.CaptureFixture[str],
) -> None:
    messages = CollectedMessages()
    with messages.show_progress("loading") as notes:
        notes.note("a")
    assert (messages.notes, capsys.readouterr().err) == (["a"], "")
