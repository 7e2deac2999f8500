"""What a sandboxed process and all that it started use together, which no limit of Linux counts."""

import os
from pathlib import Path

from starcoder_cli.processes import children
from starcoder_cli.sandbox.trial import Limits

OURS = 4  # bubblewrap's two, and the one that starts the commands


def excess(process: int, limits: Limits, folder: Path | None) -> str | None:
    """Which limit they exceed together: `processes`, `memory` or `disk`."""
    all_of_them = descendants(process, limits.processes + OURS)
    if len(all_of_them) > limits.processes + OURS:
        return "processes"
    if sum(map(resident, all_of_them)) > limits.memory:
        return "memory"
    if folder and size(folder, limits.disk) > limits.disk:
        return "disk"
    return None


def descendants(process: int, most: int) -> list[int]:
    """A process and what it has started, and what these have; not many more than `most`."""
    found = [process]
    for parent in found:
        if len(found) > most:
            break
        found += children(parent)
    return found


def resident(process: int) -> int:
    """The bytes of memory that a process has; 0 where it is gone."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGESIZE")


def size(folder: Path, most: int) -> int:
    """The bytes that a folder's files take on the disk; not counted much beyond `most`."""
    total = 0
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            try:
                total += os.lstat(os.path.join(place, name)).st_blocks * 512  # noqa: PTH118
            except OSError:
                continue
        if total > most:
            break
    return total
