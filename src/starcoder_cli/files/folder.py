"""An open folder, and operations on its files by name.

Names are looked up in the opened folder (POSIX.1-2017, `openat` and similar), even if its path has
changed since. Systems without that look them up by full path.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

USE_EFFECTIVE_IDS = os.access in os.supports_effective_ids
# Do not follow links, wait for pipes or translate line ends.
SAFE_OPEN_FLAGS = (
    getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)


@dataclass(frozen=True)
class OpenFolder:
    """A folder by its path, and by its descriptor if names can be looked up in one."""

    path: str
    descriptor: int | None

    @contextmanager
    def open_file(self, name: str) -> Iterator[int]:
        """Open a file for reading and return its descriptor; a link is not followed."""
        descriptor = os.open(
            self._path_of(name), os.O_RDONLY | SAFE_OPEN_FLAGS, dir_fd=self.descriptor
        )
        try:
            yield descriptor
        finally:
            close_quietly(descriptor)

    @contextmanager
    def create_file(self, name: str, mode: int) -> Iterator[int]:
        """Create a file and return its descriptor; raises FileExistsError if the name is taken."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | SAFE_OPEN_FLAGS
        descriptor = os.open(self._path_of(name), flags, mode, dir_fd=self.descriptor)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def has_access(self, name: str, mode: int) -> bool:
        """Whether we have access to a file, or to the folder itself by the name `.`."""
        path = self._path_of(name)
        return os.access(path, mode, dir_fd=self.descriptor, effective_ids=USE_EFFECTIVE_IDS)

    def rename(self, name: str, new: str) -> None:
        """Rename a file, replacing any file with the new name."""
        here = self.descriptor
        os.replace(self._path_of(name), self._path_of(new), src_dir_fd=here, dst_dir_fd=here)  # noqa: PTH105

    def remove(self, name: str) -> None:
        """Remove a file."""
        os.unlink(self._path_of(name), dir_fd=self.descriptor)  # noqa: PTH108

    def list_names(self) -> list[str]:
        """The names in the folder."""
        return os.listdir(self.path if self.descriptor is None else self.descriptor)  # noqa: PTH208

    def stat(self, name: str) -> os.stat_result:
        """The status of a file, or of a link itself."""
        path = self._path_of(name)
        return os.stat(path, dir_fd=self.descriptor, follow_symlinks=False)  # noqa: PTH116

    def sync(self) -> None:
        """Wait until the folder's names are on disk, if the system supports it."""
        if self.descriptor is not None:
            os.fsync(self.descriptor)

    def _path_of(self, name: str) -> str:
        if self.descriptor is not None:
            return name
        return os.path.join(self.path, name)  # noqa: PTH118


@contextmanager
def open_folder(path: str) -> Iterator[OpenFolder]:
    """Open the folder at a path."""
    if not hasattr(os, "O_DIRECTORY"):
        yield OpenFolder(path, None)
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield OpenFolder(path, descriptor)
    finally:
        close_quietly(descriptor)


def walk_folders(root: str) -> Iterator[tuple[str, list[str], list[str], list[str]]]:
    """Walk a folder tree of any depth: each folder's path, subfolders, files and links.

    Subfolders removed from the list are not walked; an unreadable folder counts as empty.
    """
    pending = [root]
    while pending:
        path = pending.pop()
        folders: list[str] = []
        files: list[str] = []
        links: list[str] = []
        with suppress(OSError), os.scandir(path) as entries:
            for entry in entries:
                is_folder = entry.is_dir(follow_symlinks=False)
                kind = folders if is_folder else links if entry.is_symlink() else files
                kind.append(entry.name)
        folders.sort()
        yield path, folders, sorted(files), sorted(links)
        pending += [os.path.join(path, name) for name in reversed(folders)]  # noqa: PTH118


def close_quietly(descriptor: int) -> None:
    """Close a file that was only read: no data can be lost, so errors do not matter."""
    with suppress(OSError):
        os.close(descriptor)
