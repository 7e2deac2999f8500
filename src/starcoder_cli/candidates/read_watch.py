"""Notices that somebody opens a file, on Linux (inotify(7)).

A command that is to test a copy can reach the original: by an absolute path to a folder that the
copy lacks, or through an installation that leads there. It can also test what was built before, and
open neither.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

IN_OPEN = 0x20
MAX_EVENT_BYTES = 1 << 12


class ReadWatch:
    """Whether a file, or what Python compiled from it, was opened since this was made."""

    def __init__(self, path: Path) -> None:
        import ctypes

        self._descriptor = -1
        try:
            library = ctypes.CDLL(None, use_errno=True)
            self._descriptor = library.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        except (AttributeError, OSError, TypeError):  # another system
            return
        compiled = (path.parent / "__pycache__").glob("*.pyc")
        for each in (path, *(one for one in compiled if one.name.startswith(f"{path.stem}."))):
            library.inotify_add_watch(self._descriptor, os.fsencode(each), IN_OPEN)
        if not self._notices(path):
            self.close()

    def _notices(self, path: Path) -> bool:
        """Whether the system tells of a file that is opened; not all do, and not of all files."""
        with suppress(OSError):
            path.open("rb").close()
        return bool(self.was_read())

    def was_read(self) -> bool | None:
        """Whether it was; None where the system does not tell."""
        if self._descriptor < 0:
            return None
        try:
            return bool(os.read(self._descriptor, MAX_EVENT_BYTES))
        except BlockingIOError:
            return False

    def close(self) -> None:
        """Watch no longer."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


@contextmanager
def watch_reads(path: Path) -> Iterator[ReadWatch]:
    """Watch a file while something runs."""
    watch = ReadWatch(path)
    try:
        yield watch
    finally:
        watch.close()
