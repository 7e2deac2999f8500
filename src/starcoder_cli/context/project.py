"""The files of a project that may be included automatically.

In a git repository these are the files that git does not ignore; elsewhere those in the current
file's folder, and what it imports below that. Hidden files, links, secrets, binary and generated
files are left out, and so is whatever there is no time for: starting in a huge folder must stay
quick.
"""

import os
import posixpath
import stat
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from starcoder_cli.files import git
from starcoder_cli.files.secrets import contains_secret, has_secret_name
from starcoder_cli.files.source import to_model_text

MAX_PROJECT_FILES = 2000
MAX_CONTEXT_FILE_BYTES = 256 * 1024
MAX_CONTEXT_LINE_CHARACTERS = 1000

GIT_FOLDER = ".git"
OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


@dataclass(frozen=True)
class ProjectFiles:
    """A folder and its eligible files, by relative name; `own_path` is the current file.

    `exclusion_reasons` records what was not read, and why. Nothing is read after `deadline`.
    """

    root: Path
    own_path: str
    paths: frozenset[str]
    deadline: float
    is_repository: bool = True
    exclusion_reasons: dict[str, str] = field(default_factory=dict)
    text_cache: dict[str, str | None] = field(default_factory=dict)

    @classmethod
    def for_file(cls, path: str, seconds: float) -> "ProjectFiles":
        """The project of a file, with `seconds` to list it and as many to read it."""
        absolute = Path(os.path.abspath(path))  # noqa: PTH100 - resolves `..` but no links
        root = next((folder for folder in absolute.parents if (folder / GIT_FOLDER).exists()), None)
        if root is None:
            paths, deadline = frozenset(list_siblings(absolute)), time.monotonic() + seconds
            return cls(absolute.parent, absolute.name, paths, deadline, is_repository=False)
        own_path = absolute.relative_to(root).as_posix()
        tracked = git.list_files(root, seconds)
        visible = (path for path in tracked or () if not is_hidden(path))
        project = cls(root, own_path, frozenset(visible), time.monotonic() + seconds)
        if tracked is None:
            project.exclusion_reasons[str(root)] = "git does not tell which files belong to it"
        return project

    @property
    def seconds_left(self) -> float:
        """How many seconds are left for reading."""
        return max(0.0, self.deadline - time.monotonic())

    @property
    def own_folder(self) -> str:
        """The folder of the current file, relative to the root; empty for the root."""
        return posixpath.dirname(self.own_path)

    @cached_property
    def paths_by_folder(self) -> Mapping[str, list[str]]:
        """The files in each folder, ordered by name."""
        paths_by_folder: dict[str, list[str]] = {}
        for path in sorted(self.paths):
            paths_by_folder.setdefault(posixpath.dirname(path), []).append(path)
        return paths_by_folder

    def contains(self, path: str) -> bool:
        """Whether a name is that of an eligible file other than the current one."""
        if path == self.own_path or path.startswith("/") or is_hidden(path):
            return False
        # `Path.is_file` fails for names that are too long.
        return path in self.paths or (not self.is_repository and os.path.isfile(self.root / path))  # noqa: PTH113

    def read_text(self, path: str) -> str | None:
        """The text of a file, or None if it is left out."""
        if path not in self.text_cache:
            if not self.seconds_left:
                return None
            self.text_cache[path] = None
            try:
                self.text_cache[path] = decode_text(read_regular_file(self.root, path))
            except FileNotFoundError:  # deleted, but git does not know yet
                return None
            except (ExcludedFileError, OSError, ValueError) as error:
                self.exclusion_reasons[path] = getattr(error, "strerror", None) or str(error)
        return self.text_cache[path]

    def modified_at(self, path: str) -> float:
        """When a file was last changed; 0 if unknown."""
        try:
            return (self.root / path).lstat().st_mtime
        except (OSError, ValueError):
            return 0.0


def is_hidden(path: str) -> bool:
    """Whether any part of a path begins with a dot: a hidden file or folder, or `..`."""
    return any(part.startswith(".") for part in path.split("/"))


class ExcludedFileError(Exception):
    """Why a file is not included."""


def read_regular_file(root: Path, path: str) -> bytes:
    """Read a regular file of limited size, without following links."""
    if has_secret_name(path):
        raise ExcludedFileError("its name is that of a file with secrets")
    full_path = root / path
    if os.path.realpath(full_path) != str(Path(os.path.realpath(root)) / path):
        raise ExcludedFileError("a link leads to it")
    descriptor = os.open(full_path, OPEN_FLAGS)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ExcludedFileError("it is not a regular file")
        if status.st_size > MAX_CONTEXT_FILE_BYTES:
            raise ExcludedFileError(f"it is larger than {MAX_CONTEXT_FILE_BYTES >> 10} KiB")
        return file.read(MAX_CONTEXT_FILE_BYTES)


def decode_text(data: bytes) -> str:
    """Decode a file for a model, if it is text without a secret."""
    if b"\0" in data:
        raise ExcludedFileError("it is binary")
    text = to_model_text(data.decode("utf-8", "surrogateescape"))
    if any(len(line) > MAX_CONTEXT_LINE_CHARACTERS for line in text.split("\n")):
        raise ExcludedFileError("it has lines that nobody wrote by hand")
    if contains_secret(text):
        raise ExcludedFileError("it looks as if it held a secret")
    return text


def list_siblings(path: Path) -> list[str]:
    """The names of the files next to a file, if they can be listed."""
    names: list[str] = []
    try:
        with os.scandir(path.parent) as entries:
            for number, entry in enumerate(entries):
                if number >= MAX_PROJECT_FILES:
                    break
                if entry.is_file(follow_symlinks=False) and not is_hidden(entry.name):
                    names.append(entry.name)
    except OSError:
        return names
    return names


def sort_by_distance(paths: Sequence[str], own_path: str) -> list[str]:
    """The files nearest to the current one, nearest first, at most 2,000."""
    distances: dict[str, int] = {}
    for path in paths:
        folder = posixpath.dirname(path)
        if folder not in distances:
            distances[folder] = folder_distance(folder, posixpath.dirname(own_path))
    return sorted(paths, key=lambda path: (distances[posixpath.dirname(path)], path))[
        :MAX_PROJECT_FILES
    ]


def folder_distance(folder: str, own_folder: str) -> int:
    """The number of steps from one folder to another."""
    own_parts, other_parts = split_folder(own_folder), split_folder(folder)
    common = len(os.path.commonprefix([own_parts, other_parts]))
    return len(own_parts) + len(other_parts) - 2 * common


def split_folder(folder: str) -> list[str]:
    """The folder names on a path; empty for the root."""
    return folder.split("/") if folder else []
