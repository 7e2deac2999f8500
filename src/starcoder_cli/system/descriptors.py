"""Read and write descriptors, waiting even if a parent program made them non-blocking.

A standard stream shares that setting with every process that has it (POSIX.1-2017, `open`).
"""

import errno
import os
import select
import stat
from pathlib import Path


def read_some(descriptor: int, max_bytes: int) -> bytes:
    """Read the next bytes, at least one; empty at the end. Raises OSError."""
    while True:
        try:
            return os.read(descriptor, max_bytes)
        except BlockingIOError:
            select.select([descriptor], [], [])


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of the data; raises OSError."""
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:
            wait_until_writable(descriptor)


def is_readable(descriptor: int, seconds: float) -> bool:
    """Whether there is something to read, or an end, within `seconds`."""
    return bool(select.select([descriptor], [], [], seconds)[0])


def wait_until_writable(descriptor: int) -> None:
    """Wait until a descriptor accepts more data."""
    select.select([], [descriptor], [])


def read_regular_file(path: Path, max_bytes: int) -> bytes:
    """The first bytes of a regular file, or of /dev/null; never waits, such as for a pipe's writer.

    Raises OSError, also for anything else.
    """
    with open(path, "rb", opener=open_unblocked) as file:  # noqa: PTH123 - Path has no opener
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode) and path != Path(os.devnull):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        return file.read(max_bytes)


def open_unblocked(path: str, flags: int) -> int:
    """Open a path without waiting for the other end of a pipe."""
    return os.open(path, flags | os.O_NONBLOCK)
