"""What a trial may not leave behind: processes, of this test's own sandboxes or orphaned."""

import os
import time
from pathlib import Path

MARK = b"starcoder_cli.sandbox.inside"
SECONDS = 5.0


def processes() -> list[str]:
    """The sandboxed processes that are still there some time later, as their command lines."""
    until = time.monotonic() + SECONDS
    while (found := sandboxed()) and time.monotonic() < until:
        time.sleep(0.02)
    return found


def sandboxed() -> list[str]:
    """The processes that were started by this one, or by one that is gone, and run a sandbox."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
        if MARK in words and parent in (1, os.getpid()):
            found.append(f"{folder.name}: {words[:80]!r}")
    return found
