"""A name that leads to a descriptor, a pipe or a device is written to; every other is a file."""

import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from starcoder_cli.errors import CreateError, WriteError
from starcoder_cli.files.output import StreamTarget, open_output
from starcoder_cli.files.save import SaveTarget

LOG = b"earlier\n"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[int]:
    """A descriptor at the end of a file with a line in it."""
    path = tmp_path / "log"
    path.write_bytes(LOG)
    with path.open("r+b", buffering=0) as file:
        file.seek(0, os.SEEK_END)
        yield file.fileno()


def names(descriptor: int, folder: Path) -> list[str]:
    """What a descriptor of this process is called, and links to that."""
    (folder / "link").symlink_to(f"/dev/fd/{descriptor}")
    (folder / "again").symlink_to("link")
    process = os.getpid()
    return [
        f"/dev/fd/{descriptor}",
        f"/proc/self/fd/{descriptor}",
        f"/proc/{process}/fd/{descriptor}",
        f"/proc/thread-self/fd/{descriptor}",
        f"/dev/../dev/fd/{descriptor}",
        str(folder / "link"),
        str(folder / "again"),
    ]


def test_a_descriptor_is_written_to_where_it_stands(log: int, tmp_path: Path) -> None:
    for count, name in enumerate(names(log, tmp_path), 1):
        open_output(name).save(b"answer\n")
        assert (tmp_path / "log").read_bytes() == LOG + count * b"answer\n"


def test_a_descriptor_of_another_process_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(LOG)
    with (
        path.open("ab") as file,
        subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=file) as other,
    ):
        open_output(f"/proc/{other.pid}/fd/1").save(b"answer\n")
    assert path.read_bytes() == LOG + b"answer\n"


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    target = open_output(str(pipe))
    assert isinstance(target, StreamTarget)
    data = b"answer\n" * 20_000  # more than a pipe holds
    target.save(data)
    os.close(target.descriptor)
    reader.join()
    assert (read, pipe.is_fifo()) == ([data], True)


def test_a_reader_that_has_left_is_no_error_of_a_file() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with pytest.raises(BrokenPipeError):
        open_output(f"/dev/fd/{write_end}").save(b"answer\n")
    os.close(write_end)


def test_a_device_is_written_to() -> None:
    open_output(os.devnull).save(b"answer\n")
    with pytest.raises(WriteError, match="^cannot write /dev/full: No space left on device"):
        StreamTarget("/dev/full", os.open("/dev/full", os.O_WRONLY)).save(b"answer\n")


def test_what_cannot_be_written_is_found_out_at_once(log: int, tmp_path: Path) -> None:
    closed = os.dup(log)
    os.close(closed)
    only_read = os.open(tmp_path / "log", os.O_RDONLY)
    for number in (closed, only_read):
        with pytest.raises(CreateError, match=f"^cannot write /dev/fd/{number}: Bad file desc"):
            open_output(f"/dev/fd/{number}")
    os.close(only_read)


@pytest.mark.parametrize("name", ["new", "log", "fd/1", "1", "link"])
def test_every_other_name_is_a_file(name: str, tmp_path: Path) -> None:
    (tmp_path / "fd").mkdir()
    (tmp_path / "log").write_bytes(LOG)
    (tmp_path / "link").symlink_to("log")
    target = open_output(f"{tmp_path}/{name}")
    assert isinstance(target, SaveTarget)
    target.save(b"answer\n")
    assert (tmp_path / name).read_bytes() == b"answer\n"


def test_links_in_a_circle_lead_to_no_descriptor(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    with pytest.raises(CreateError, match="^cannot create a file"):
        open_output(f"{tmp_path}/one")
