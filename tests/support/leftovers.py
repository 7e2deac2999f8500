"""What a trial may not leave behind: processes, files, and changes to the user's own."""

import os
import time
from pathlib import Path

OURS = "starcoder_cli.sandbox.inside"
SECONDS = 5.0


def processes(mark: str = OURS) -> list[str]:
    """The processes with a mark in their command line that are still there some time later.

    They are of this process, or of one that is gone: other tests have theirs.
    """
    until = time.monotonic() + SECONDS
    while (found := marked(mark.encode())) and time.monotonic() < until:
        time.sleep(0.02)
    return found


def marked(mark: bytes) -> list[str]:
    """The command lines with a mark, of children of this process and of orphans."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
        if mark in words and parent in (1, os.getpid()):
            found.append(f"{folder.name}: {words[:80]!r}")
    return found


def state(folder: Path) -> list[tuple[str, int, int, int, bytes]]:
    """A folder and what is in it: names, permissions, times and contents."""
    found = []
    for path in (folder, *sorted(folder.rglob("*"))):
        status = path.stat()
        data = path.read_bytes() if path.is_file() else b""
        found.append((path.name, status.st_mode, status.st_mtime_ns, status.st_ctime_ns, data))
    return found
