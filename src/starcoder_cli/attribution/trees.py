"""Where files are read from: a folder, or an archive, which is never unpacked to the disk.

No link is followed, and no name leads out: what is no regular file, or too large, is not there.
"""

import os
import stat
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from starcoder_cli.folder import PLAIN
from starcoder_cli.tree import listed

MOST_BYTES = 2 << 20
GIT = ".git"


class Tree(Protocol):
    """Files by their names, which are relative and have slashes.

    `repositories` are the folders among them that are git repositories; the root is "".
    """

    @property
    def root(self) -> Path:
        """The folder or the archive."""

    @property
    def names(self) -> Sequence[str]:
        """The names of the files, in order."""

    @property
    def repositories(self) -> Sequence[str]:
        """The names of the folders that are git repositories."""

    def read(self, name: str) -> bytes | None:
        """A file's bytes; None where it is not a regular file of at most MOST_BYTES."""


@dataclass(frozen=True)
class Folder:
    """The files below a folder; of a git repository those that git tracks or would track."""

    root: Path
    names: Sequence[str]
    repositories: Sequence[str]

    @classmethod
    def walked(cls, root: Path) -> "Folder":
        """What is below a folder, without following links."""
        if any((folder / GIT).exists() for folder in root.parents) and (names := listed(root)):
            return cls(root, sorted(names), ())
        found: list[str] = []
        repositories: list[str] = []
        for path, folders, names, _ in os.fwalk(root):
            below = Path(path).relative_to(root).as_posix()
            prefix = "" if below == "." else f"{below}/"
            if GIT in (*folders, *names) and (tracked := listed(Path(path))) is not None:
                repositories.append(prefix.rstrip("/"))
                names, folders[:] = sorted(tracked), []
            folders.sort()
            found += [prefix + name for name in sorted(names)]
        return cls(root, found, repositories)

    def read(self, name: str) -> bytes | None:
        """A file's bytes, looked up folder by folder so that none of them is a link."""
        *folders, last = name.split("/")
        with ExitStack() as stack:
            try:
                place = _opened(stack, str(self.root), os.O_DIRECTORY, None)
                for folder in folders:
                    place = _opened(stack, folder, os.O_DIRECTORY | PLAIN, place)
                file = _opened(stack, last, PLAIN, place)
                status = os.fstat(file)
                if not stat.S_ISREG(status.st_mode) or status.st_size > MOST_BYTES:
                    return None
                with os.fdopen(file, "rb", closefd=False) as stream:
                    data = stream.read(MOST_BYTES + 1)
            except (OSError, ValueError):
                return None
            return data if len(data) <= MOST_BYTES else None


def _opened(stack: ExitStack, name: str, flags: int, folder: int | None) -> int:
    """A descriptor that the stack closes."""
    descriptor = os.open(name, os.O_RDONLY | flags, dir_fd=folder)
    stack.callback(os.close, descriptor)
    return descriptor
