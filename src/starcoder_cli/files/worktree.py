"""The files around one file, and copies of them in which that file is changed.

In a git repository these are the files that git tracks or would track; elsewhere they are those of
the current folder, if the file is below it, or else of the file's own folder.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path

from starcoder_cli.errors import DataError, UsageError, WriteError
from starcoder_cli.files.folder import walk_folders
from starcoder_cli.files.git import list_files

MAX_COPIED_FILES = 20_000
MAX_COPIED_BYTES = 512 << 20


@dataclass(frozen=True)
class WorkTree:
    """A folder and the names in it to copy, with one file and one folder singled out.

    `file` is the one that differs in a copy, `working_folder` is where commands run. All names are
    relative to the root.
    """

    root: Path
    names: tuple[str, ...]
    file: str
    working_folder: str = "."

    @classmethod
    def containing(cls, path: str) -> "WorkTree":
        """The tree around a file; raises DataError if it is too large to copy.

        Raises UsageError if the current folder has files and the copy would have none of them.
        """
        file, current = real_path(path), Path.cwd()
        root = next((folder for folder in file.parents if (folder / ".git").exists()), None)
        names: Iterable[str] | None = list_files(root) if root else None
        if root is None or names is None:
            root = current if current in file.parents else file.parent
            names = walk_files(root)
        tree = cls(
            root,
            select_copyable(root, names),
            file.relative_to(root).as_posix(),
            current.relative_to(root).as_posix() if root in (current, *current.parents) else ".",
        )
        if tree.lacks(current):
            raise UsageError(
                f"{current} is not in the copy of {root} that a command would run in",
                f"run in {root}",
            )
        return tree

    def lacks(self, current: Path) -> bool:
        """Whether a copy contains nothing of the folder that commands are meant to run in.

        Such a folder is ignored by git, or is in a repository that contains this one.
        """
        if not current.is_relative_to(self.root):
            around = (current, *current.parents)
            repository = next((each for each in around if (each / ".git").exists()), None)
            return repository is not None and self.root.is_relative_to(repository)
        inside = "" if self.working_folder == "." else f"{self.working_folder}/"
        is_copied = any(name.startswith(inside) for name in (self.file, *self.names))
        return not is_copied and any(current.iterdir())

    def copy_to(self, destination: Path, data: bytes) -> None:
        """Create a copy with these bytes as the file; raises WriteError if that fails.

        Links that lead out of the tree are left out, and so are files that have since disappeared.
        """
        import shutil

        try:
            for name in self.names:
                if name != self.file:
                    copy_file(self.root, name, destination / name)
            target = destination / self.file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            shutil.copymode(self.root / self.file, target)
            (destination / self.working_folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WriteError(
                f"cannot copy {self.root}: {error.strerror}: {error.filename}",
                "make room for temporary files, or leave out what cannot be read",
            ) from error


def walk_files(root: Path) -> Iterator[str]:
    """All files and links below a folder, without following links; git's own files are skipped."""
    for folder, folders, files, links in walk_folders(str(root)):
        folders[:] = [name for name in folders if name != ".git"]
        for name in (*files, *links):
            yield Path(folder, name).relative_to(root).as_posix()


def select_copyable(root: Path, names: Iterable[str]) -> tuple[str, ...]:
    """The names that are files or links; raises DataError if they are too many or too large.

    Files behind a link to a folder are left out: in a copy the link may lead elsewhere.
    """
    is_real_folder = cache(lambda folder: real_path(folder) == folder)
    copyable, size = [], 0
    for name in names:
        path = root / name
        try:
            status = path.lstat()
        except (OSError, ValueError):  # deleted, but still tracked
            continue
        if not is_real_folder(path.parent):
            continue
        if stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode):
            copyable.append(name)
            size += status.st_size
        if len(copyable) > MAX_COPIED_FILES or size > MAX_COPIED_BYTES:
            raise DataError(
                f"{root} has more than {MAX_COPIED_FILES} files or "
                f"{MAX_COPIED_BYTES >> 20} MiB to copy",
                "run in a smaller folder, or let .gitignore leave out what is not needed",
            )
    return tuple(copyable)


def copy_file(root: Path, name: str, target: Path) -> None:
    """Copy one file with its times and permissions, or a link to something in the tree.

    A link that gets there through a path outside the tree becomes a relative link.
    """
    import shutil

    source = root / name
    end = real_path(source) if source.is_symlink() else source
    if not end.is_relative_to(root):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if end != source and not stays_inside(root, source):
        target.symlink_to(os.path.relpath(end, source.parent))
        return
    try:
        shutil.copy2(source, target, follow_symlinks=False)
    except FileNotFoundError:
        return


def stays_inside(root: Path, link: Path) -> bool:
    """Whether each step of a link's path is in the tree."""
    steps = accumulate(link.readlink().parts, real_step, initial=link.parent)
    return all(step.is_relative_to(root) for step in steps)


def real_step(folder: Path, name: str) -> Path:
    """Where a name in a folder leads."""
    return real_path(folder / name)


def real_path(path: str | Path) -> Path:
    """A path with its links resolved where possible: some links are circular."""
    return Path(os.path.realpath(path))
