"""A descriptor that does not block is waited for, as one that blocks would be."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from starcoder_cli.system.descriptors import (
    read_regular_file,
    read_some,
    wait_until_writable,
    write_all,
)

TEXT = b"a line\n" * 40_000  # more than a pipe holds


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Both ends of a pipe, neither of which blocks."""
    read_end, write_end = os.pipe()
    for end in (read_end, write_end):
        os.set_blocking(end, False)
    yield read_end, write_end
    for end in (read_end, write_end):
        try:
            os.close(end)
        except OSError:
            continue


def read_all(descriptor: int) -> bytes:
    """Everything up to the end."""
    return b"".join(iter(lambda: read_some(descriptor, 65536), b""))


def test_nothing_is_lost_on_either_side(pipe: tuple[int, int]) -> None:
    """Each waits for the other: a pipe holds less than is written."""
    read_end, write_end = pipe

    def write() -> None:
        write_all(write_end, TEXT)
        os.close(write_end)

    writer = threading.Thread(target=write)
    writer.start()
    assert read_all(read_end) == TEXT
    writer.join()


def test_a_pipe_that_was_full_takes_more_once_it_is_read(pipe: tuple[int, int]) -> None:
    read_end, write_end = pipe
    with pytest.raises(BlockingIOError):
        while True:
            os.write(write_end, TEXT)
    reader = threading.Timer(0.01, lambda: os.read(read_end, 65536))
    reader.start()
    wait_until_writable(write_end)
    assert os.write(write_end, b"x") == 1
    reader.join()


def test_other_errors_are_raised(pipe: tuple[int, int]) -> None:
    read_end, write_end = pipe
    os.close(read_end)
    with pytest.raises(BrokenPipeError):
        write_all(write_end, b"x")
    with pytest.raises(OSError, match="Bad file descriptor"):
        read_some(write_end, 1)


def test_only_a_regular_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"a line")
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    assert read_regular_file(tmp_path / "link", 4) == b"a li"
    assert read_regular_file(Path("/dev/null"), 4) == b""
    for name in ("pipe", "/dev/zero"):
        with pytest.raises(OSError, match="it is not a regular file"):
            read_regular_file(tmp_path / name, 4)
    with pytest.raises(IsADirectoryError):
        read_regular_file(tmp_path, 4)
