"""File locks, which keep processes apart and end with the process."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POLL_SECONDS = 0.01


def try_lock(descriptor: int) -> bool:
    """Lock an open file (flock); False if another process holds the lock.

    It is held until the descriptor is closed. Also True if the system, or the file system, has no
    such locks.
    """
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


@contextmanager
def hold_lock(path: Path, seconds: float | None = 0.0) -> Iterator[None]:
    """Hold the lock of a file, which is created if missing; links are not followed.

    Raises TimeoutError if another process still holds it after `seconds`, where None waits for
    ever; OSError if the file cannot be created.
    """
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(path, flags, 0o600)
    deadline = None if seconds is None else time.monotonic() + seconds
    try:
        while not try_lock(descriptor):
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError(f"another process holds {path}")
            time.sleep(POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)
