"""Processes that we started, and their children: find them, and end them for good."""

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from subprocess import Popen

KILL_ATTEMPTS = 250
KILL_PAUSE_SECONDS = 0.002


def kill_and_wait(process: "Popen[bytes]") -> None:
    """Kill a process and its group, and wait until all of it is gone."""
    import signal
    import time

    if not hasattr(os, "killpg"):
        process.kill()
        process.wait()
        return
    for attempt in range(KILL_ATTEMPTS):
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            break
        process.poll()
        time.sleep(KILL_PAUSE_SECONDS * min(attempt, 10))
    process.wait()


def terminate_and_wait(process: "Popen[bytes]", seconds: float) -> None:
    """Ask a process to end, along with its children, and wait up to `seconds`."""
    from subprocess import TimeoutExpired

    with suppress(TimeoutExpired):
        process.terminate()
        process.wait(seconds)


def list_children(process: int) -> list[int]:
    """The children that a process has not waited for yet, on Linux."""
    try:
        text = Path(f"/proc/{process}/task/{process}/children").read_text()
    except OSError:
        return []
    return [int(number) for number in text.split()]


def limit_memory(process: int, max_bytes: int) -> None:
    """Limit the private memory of a running process, if the system can.

    Mapped files do not count.
    """
    try:
        import resource
    except ImportError:
        return
    if hasattr(resource, "prlimit"):
        with suppress(OSError, ValueError):
            resource.prlimit(process, resource.RLIMIT_DATA, (max_bytes, max_bytes))


def is_alive(process: int) -> bool:
    """Whether a process with that number exists; also True for an invalid number."""
    if process <= 0:
        return True
    try:
        os.kill(process, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True
