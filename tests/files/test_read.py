"""Bytes from files and from standard input: never too many, and never a long wait."""

import os
import pty
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from people import nobody
from starcoder_cli.errors import DataError, InputError, StarcoderError, UsageError, WriteError
from starcoder_cli.files.read import PLACE_HINT, read_bytes
from streams import standard_input

__all__ = ["nobody"]

MIB = 1 << 20


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a file, a folder and a pipe in it."""
    monkeypatch.chdir(tmp_path)
    Path("file").write_bytes(b"a\xff\r\n\0")
    Path("folder").mkdir()
    os.mkfifo("pipe")


def test_bytes_are_read_as_they_are() -> None:
    Path("link").symlink_to("file")
    assert read_bytes("file", 5) == read_bytes("link", 5) == b"a\xff\r\n\0"
    with standard_input(b"\r\n\xff"):
        assert read_bytes("-", 3) == b"\r\n\xff"


def test_a_name_may_be_any_bytes() -> None:
    os.rename("file", b"\xff\n")  # noqa: PTH104
    assert read_bytes(os.fsdecode(b"\xff\n"), 5) == b"a\xff\r\n\0"


def test_one_byte_more_than_there_may_be_is_too_many() -> None:
    Path("file").write_bytes(bytes(MIB + 1))
    assert len(read_bytes("file", MIB + 1)) == MIB + 1
    for name, called in (("file", "file"), ("-", "standard input")):
        with standard_input(bytes(MIB + 1)), pytest.raises(DataError) as caught:
            read_bytes(name, MIB)
        assert str(caught.value) == f"{called} is larger than 1 MiB; give the part that matters"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("folder", "folder is a folder; name a file in it"),
        ("pipe", "pipe is not a regular file; use - to read standard input"),
        ("/dev/zero", "/dev/zero is not a regular file; use - to read standard input"),
        ("none", "cannot read none: No such file or directory; check the name"),
        ("file/more", "cannot read file/more: Not a directory; check the name"),
        ("", "cannot read : No such file or directory; check the name"),
        ("a.go:abc", "cannot read a.go:abc: No such file or directory; " + PLACE_HINT),
        ("#L13-L20", "cannot read #L13-L20: No such file or directory; " + PLACE_HINT),
        ("a\0b", "cannot read a\0b: embedded null byte; check the name"),
    ],
)
def test_what_is_no_file_is_said_at_once(path: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_bytes(path, 5)
    assert str(caught.value).replace("stat: ", "").replace("character", "byte") == message


def test_a_file_that_may_not_be_read(nobody: Callable[[], None]) -> None:
    Path("secret").write_text("x")
    Path("secret").chmod(0)
    nobody()
    with pytest.raises(InputError, match="^cannot read secret: Permission denied;"):
        read_bytes("secret", 5)


def test_a_pipe_that_the_shell_has_opened() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"x" * 10)
    os.close(writing)
    try:
        assert read_bytes(f"/dev/fd/{reading}", 10) == b"x" * 10
    finally:
        os.close(reading)


def test_a_pipe_that_does_not_block_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that started ours may have left it so."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    with open(reading) as stream:  # noqa: PTH123
        monkeypatch.setattr(sys, "stdin", stream)
        pieces = iter([b"one ", b"two", b""])

        def write() -> None:
            for piece in pieces:
                os.write(writing, piece)
                time.sleep(0.02)
            os.close(writing)

        writer = threading.Timer(0.02, write)
        writer.start()
        assert read_bytes("-", 10) == b"one two"
        writer.join()


@pytest.fixture
def terminal() -> Iterator[str]:
    """The name of a terminal that nobody types at."""
    ours, theirs = pty.openpty()
    os.write(ours, b"\x04")  # whoever reads gets the end
    yield os.ttyname(theirs)
    os.close(ours)
    os.close(theirs)


def refused(monkeypatch: pytest.MonkeyPatch, stream: object) -> StarcoderError:
    """What is raised where this is standard input."""
    monkeypatch.setattr(sys, "stdin", stream)
    with pytest.raises(StarcoderError) as caught:
        read_bytes("-", 5)
    return caught.value


def test_without_standard_input(terminal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with open(terminal) as stream:  # noqa: PTH123
        error = refused(monkeypatch, stream)
        assert (type(error), error.message) == (UsageError, "no input")
    for gone in (stream, None):
        error = refused(monkeypatch, gone)
        assert (type(error), error.message) == (InputError, "standard input is closed")
    with Path("file").open("ab") as only_written:
        error = refused(monkeypatch, only_written)
    assert (type(error), error.message) == (
        WriteError,
        "cannot read standard input: Bad file descriptor",
    )
