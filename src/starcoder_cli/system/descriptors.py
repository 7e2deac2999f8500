"""Reading and writing descriptors, with a wait also where a program above us made them not block.

A standard stream shares that setting with every process that has it (POSIX.1-2017, `open`).
"""

import os
import select


def read_some(descriptor: int, max_bytes: int) -> bytes:
    """The next bytes, at least one; nothing at the end. Raises OSError."""
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
    """Whether there is something to read, or an end, within so many seconds."""
    return bool(select.select([descriptor], [], [], seconds)[0])


def wait_until_writable(descriptor: int) -> None:
    """Wait until a descriptor takes more."""
    select.select([], [descriptor], [])
