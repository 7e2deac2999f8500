"""Links that lead out of their repository: the user may not intend the file behind them.

A repository is not trusted, and may contain links to any file of its user.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from starcoder_cli.errors import RefusedError
from starcoder_cli.files.read import STANDARD_INPUT


@dataclass(frozen=True)
class LinkedFile:
    """A file outside a repository that a path reaches through a link inside it."""

    path: str
    repository: Path
    file: Path

    def __str__(self) -> str:
        return f"{self.path} leads out of {self.repository} by a link, to {self.file}"


def find_file_outside(path: str) -> LinkedFile | None:
    """The file outside its repository that a path leads to; None if no link does that."""
    named, file = Path.cwd() / path, Path(os.path.realpath(path))
    for part in (named, *named.parents):
        if not os.path.islink(part):  # noqa: PTH114 - a name may be too long for the system
            continue
        folder = Path(os.path.realpath(part.parent))
        above = (folder, *folder.parents)
        repository = next((each for each in above if (each / ".git").exists()), None)
        if repository and not file.is_relative_to(repository):
            return LinkedFile(path, repository, file)
    return None


def note_file_read(path: str, note: Callable[[str], None]) -> None:
    """Report which file is read if a link leads to it, out of a repository."""
    if path != STANDARD_INPUT and (linked := find_file_outside(path)):
        note(f"{linked}, which is read")


def refuse_link(path: Path, hint: str) -> None:
    """Raise RefusedError for a link, and for a path that leaves its repository through one."""
    if linked := find_file_outside(str(path)):
        raise RefusedError(str(linked), hint)
    if path.is_symlink():
        raise RefusedError(f"{path} is a link, to {os.path.realpath(path)}", hint)
