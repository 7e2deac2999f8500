"""The files of a project that may be read along without being asked for.

In a git repository those are the files that git does not ignore; elsewhere those in the folder of
the file at work, and what it imports below. Links, secrets, binary and generated files are left
out, and so is whatever there is no time for: a start in a huge folder has to stay quick.
"""

import os
import posixpath
import stat
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from starcoder_cli.context.secrets import secret_name, secret_text
from starcoder_cli.files import git
from starcoder_cli.files.source import readable

MOST_FILES = 2000
MOST_BYTES = 256 * 1024
LONGEST_LINE = 1000

GIT = ".git"
FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


@dataclass(frozen=True)
class Project:
    """A folder and the files in it that count, named from there; `own` is the file at work.

    `left_out` collects what was not read, and why. After `deadline` nothing more is read.
    """

    root: Path
    own: str
    files: frozenset[str]
    deadline: float
    repository: bool = True
    left_out: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str | None] = field(default_factory=dict)

    @classmethod
    def around(cls, path: str, seconds: float) -> "Project":
        """The project of a file: listed within some seconds, and read within as many after that."""
        absolute = Path(os.path.abspath(path))  # noqa: PTH100 - resolves `..` but no links
        root = next((each for each in absolute.parents if (each / GIT).exists()), None)
        if root is None:
            names, deadline = frozenset(beside(absolute)), time.monotonic() + seconds
            return cls(absolute.parent, absolute.name, names, deadline, repository=False)
        own = absolute.relative_to(root).as_posix()
        listed = git.listed(root, seconds)
        visible = (path for path in listed or () if path[0] != "." and "/." not in path)
        project = cls(root, own, frozenset(visible), time.monotonic() + seconds)
        if listed is None:
            project.left_out[str(root)] = "git does not tell which files belong to it"
        return project

    @property
    def seconds_left(self) -> float:
        """How long there still is to look around."""
        return max(0.0, self.deadline - time.monotonic())

    @property
    def folder(self) -> str:
        """The folder of the file at work, as part of names; empty for the root."""
        return posixpath.dirname(self.own)

    @cached_property
    def by_folder(self) -> Mapping[str, list[str]]:
        """The files in each folder, in the order of their names."""
        found: dict[str, list[str]] = {}
        for path in sorted(self.files):
            found.setdefault(posixpath.dirname(path), []).append(path)
        return found

    def has(self, path: str) -> bool:
        """Whether a name is that of a file that counts, and not of the file at work."""
        if path == self.own or path.startswith(("../", "/")):
            return False
        # `Path.is_file` fails for names that are too long.
        return path in self.files or (not self.repository and os.path.isfile(self.root / path))  # noqa: PTH113

    def read(self, path: str) -> str | None:
        """The text of a file, or None where it is left out."""
        if path not in self.texts:
            if not self.seconds_left:
                return None
            self.texts[path] = None
            try:
                self.texts[path] = legible(regular(self.root, path))
            except FileNotFoundError:  # deleted, but git does not know yet
                return None
            except (Unwanted, OSError, ValueError) as error:
                self.left_out[path] = getattr(error, "strerror", None) or str(error)
        return self.texts[path]

    def modified(self, path: str) -> float:
        """When a file was changed last; 0 where that is not known."""
        try:
            return (self.root / path).lstat().st_mtime
        except (OSError, ValueError):
            return 0.0


class Unwanted(Exception):
    """Why a file is not read along."""


def regular(root: Path, path: str) -> bytes:
    """What is in a regular file of moderate size that no link leads to."""
    if secret_name(path):
        raise Unwanted("its name is that of a file with secrets")
    place = root / path
    if os.path.realpath(place) != str(Path(os.path.realpath(root)) / path):
        raise Unwanted("a link leads to it")
    descriptor = os.open(place, FLAGS)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Unwanted("it is not a regular file")
        if status.st_size > MOST_BYTES:
            raise Unwanted(f"it is larger than {MOST_BYTES >> 10} KiB")
        return file.read(MOST_BYTES)


def legible(data: bytes) -> str:
    """The bytes of a file as a model reads them, if they are text without a secret."""
    if b"\0" in data:
        raise Unwanted("it is binary")
    text = readable(data.decode("utf-8", "surrogateescape"))
    if any(len(line) > LONGEST_LINE for line in text.split("\n")):
        raise Unwanted("it has lines that nobody wrote by hand")
    if secret_text(text):
        raise Unwanted("it looks as if it held a secret")
    return text


def beside(path: Path) -> list[str]:
    """The names of files in the folder of a file, as far as they can be listed."""
    names: list[str] = []
    try:
        with os.scandir(path.parent) as entries:
            for number, entry in enumerate(entries):
                if number >= MOST_FILES:
                    break
                if entry.is_file(follow_symlinks=False) and not entry.name.startswith("."):
                    names.append(entry.name)
    except OSError:
        return names
    return names


def nearest(paths: Sequence[str], own: str) -> list[str]:
    """The files that are nearest to the one at work, the nearest first, at most 2,000 of them."""
    away: dict[str, int] = {}
    for path in paths:
        folder = posixpath.dirname(path)
        if folder not in away:
            away[folder] = distance(folder, posixpath.dirname(own))
    return sorted(paths, key=lambda path: (away[posixpath.dirname(path)], path))[:MOST_FILES]


def distance(folder: str, own: str) -> int:
    """How many steps it is from one folder to another."""
    here, there = parts(own), parts(folder)
    common = len(os.path.commonprefix([here, there]))
    return len(here) + len(there) - 2 * common


def parts(folder: str) -> list[str]:
    """The names on the way to a folder; none for the root."""
    return folder.split("/") if folder else []
