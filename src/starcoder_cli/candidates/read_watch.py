"""Notices that somebody opens a file, on Linux (inotify(7)).

A command that is to test a copy can reach the original: by an absolute path to a folder that the
copy lacks, or through an installation that leads there.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

IN_OPEN = 0x20
HEADER_BYTES, LENGTH_OFFSET = 16, 12
MAX_EVENT_BYTES = 1 << 16
COMPILED_FOLDER = "__pycache__"


class ReadWatch:
    """Whether a file, or what Python compiled from it, was opened since this was made."""

    def __init__(self, path: Path) -> None:
        import ctypes

        self._stem, self._descriptor, self._compiled = os.fsencode(path.stem), -1, -1
        try:
            library = ctypes.CDLL(None, use_errno=True)
            self._descriptor = library.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
            add = library.inotify_add_watch
        except (AttributeError, OSError, TypeError):  # another system
            return
        if self._descriptor >= 0:
            add(self._descriptor, os.fsencode(path), IN_OPEN)
            folder = path.parent / COMPILED_FOLDER
            self._compiled = add(self._descriptor, os.fsencode(folder), IN_OPEN)

    def was_read(self) -> bool:
        """Whether it was; False where the system does not tell."""
        if self._descriptor < 0:
            return False
        try:
            events = os.read(self._descriptor, MAX_EVENT_BYTES)
        except BlockingIOError:
            return False
        return any(map(self._is_of_file, split_events(events)))

    def _is_of_file(self, event: tuple[int, bytes]) -> bool:
        watch, name = event
        return watch != self._compiled or name.startswith(self._stem + b".")

    def close(self) -> None:
        """Watch no longer."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def split_events(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the watch and the name in a folder of each event."""
    start = 0
    while start < len(data):
        watch = int.from_bytes(data[start : start + 4], sys.byteorder, signed=True)
        begin = start + HEADER_BYTES
        length = int.from_bytes(data[start + LENGTH_OFFSET : begin], sys.byteorder)
        yield watch, data[begin : begin + length].rstrip(b"\0")
        start = begin + length


@contextmanager
def watch_reads(path: Path) -> Iterator[ReadWatch]:
    """Watch a file while something runs."""
    watch = ReadWatch(path)
    try:
        yield watch
    finally:
        watch.close()
