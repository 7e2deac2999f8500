"""The files below a folder, read without following a link."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from starcoder_cli.folder import PLAIN

MOST_BYTES = 2 << 20


def files(root: Path) -> Iterator[tuple[str, bytes]]:
    """The name, from the root on, and the bytes of each regular file, at most MOST_BYTES long."""
    for folder, folders, names, descriptor in os.fwalk(root):
        folders[:] = sorted(name for name in folders if name != ".git")
        below = Path(folder).relative_to(root)
        for name in sorted(names):
            data = regular(name, descriptor)
            if data is not None:
                yield (below / name).as_posix(), data


def regular(name: str, folder: int) -> bytes | None:
    """The bytes of a regular file in an open folder; None for another kind, or a larger one."""
    try:
        descriptor = os.open(name, os.O_RDONLY | PLAIN, dir_fd=folder)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MOST_BYTES:
            return None
        data = file.read(MOST_BYTES + 1)
        return data if len(data) <= MOST_BYTES else None
