"""Where files are read from: a folder, or an archive, which is never unpacked to the disk.

No link is followed, and no name leads out: what is no regular file, or too large, is not there.
"""

import bz2
import gzip
import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from starcoder_cli.errors import DataError
from starcoder_cli.files.folder import PLAIN
from starcoder_cli.files.git import listed

MOST_BYTES = 2 << 20
GIT = ".git"
GIT_SECONDS = 30.0


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
        if any((folder / GIT).exists() for folder in root.parents) and (
            names := listed(root, GIT_SECONDS)
        ):
            return cls(root, sorted(names), ())
        found: list[str] = []
        repositories: list[str] = []
        for path, folders, files, _ in os.fwalk(root):
            below = Path(path).relative_to(root).as_posix()
            prefix = "" if below == "." else f"{below}/"
            below_here: Sequence[str] = sorted(files)
            if (
                GIT in (*folders, *files)
                and (tracked := listed(Path(path), GIT_SECONDS)) is not None
            ):
                repositories.append(prefix.rstrip("/"))
                below_here, folders[:] = sorted(tracked), []
            folders.sort()
            found += [prefix + name for name in below_here]
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


TARS = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar")
ZIPS = (".whl", ".zip", ".egg")
MOST_UNPACKED = 1 << 30
MOST_KEPT = 256 << 20
MOST_MEMBERS = 50_000


@dataclass(frozen=True)
class Archive:
    """The wanted files of an archive, by name."""

    root: Path
    files: Mapping[str, bytes]
    repositories: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """The names of the files, in order."""
        return sorted(self.files)

    def read(self, name: str) -> bytes | None:
        """A file's bytes."""
        return self.files.get(name)


def is_archive(path: Path) -> bool:
    """Whether a file's name is that of an archive that can be read."""
    return path.name.lower().endswith((*TARS, *ZIPS))


def unpacked(path: Path, wanted: Callable[[str], bool]) -> Archive:
    """The wanted regular files of an archive; DataError where it is damaged, or far too large."""
    members = tar_members if path.name.lower().endswith(TARS) else zip_members
    files: dict[str, bytes] = {}
    kept = 0
    try:
        for number, (name, read) in enumerate(members(path)):
            if number >= MOST_MEMBERS or kept > MOST_KEPT:
                raise DataError(f"{path} is too large to be indexed", "unpack it, and add a part")
            if is_inside(name) and wanted(name) and (data := read()) is not None:
                files[name] = data
                kept += len(data)
    except DAMAGES as error:
        raise DataError(f"{path} is damaged: {error}", "fetch it again") from error
    return Archive(path, files)


DAMAGES = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError),
    *(ValueError, NotImplementedError, RuntimeError, OverflowError),
)
"""What the readers of archives raise for what is none, or has features that nobody needs."""


def is_inside(name: str) -> bool:
    """Whether a name stays below the folder that it would be unpacked in."""
    path = PurePosixPath(name)
    odd = "\0" in name or "\\" in name or path.is_absolute()
    return not odd and ".." not in path.parts and path.as_posix() == name


def zip_members(path: Path) -> Iterator[tuple[str, Callable[[], bytes | None]]]:
    """The regular files of a zip archive, each with what reads it."""
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():

            def read(info: zipfile.ZipInfo = info) -> bytes | None:
                with archive.open(info) as stream:
                    return bounded(stream)

            if not info.is_dir() and (info.external_attr >> 28) in (0, 0o10):
                yield info.filename, read


def tar_members(path: Path) -> Iterator[tuple[str, Callable[[], bytes | None]]]:
    """The regular files of a tar archive, each with what reads it before the next one comes."""
    with decompressed(path) as stream:
        source = Limited(stream)
        with tarfile.open(fileobj=source, mode="r|") as archive:
            for member in archive:

                def read(member: tarfile.TarInfo = member) -> bytes | None:
                    inner = archive.extractfile(member)
                    return bounded(inner) if inner else None

                if member.isreg():
                    yield member.name.removeprefix("./"), read


def decompressed(path: Path) -> IO[bytes]:
    """The bytes inside of a compressed file, by its name's ending."""
    name = path.name.lower()
    if name.endswith((".gz", ".tgz")):
        return gzip.open(path)  # type: ignore[return-value]
    if name.endswith(".bz2"):
        return bz2.open(path)
    return lzma.open(path) if name.endswith(".xz") else path.open("rb")


def bounded(stream: IO[bytes]) -> bytes | None:
    """What a stream holds; None for more than a file may have, however little it took to say so."""
    data = stream.read(MOST_BYTES + 1)
    return data if len(data) <= MOST_BYTES else None


class Limited(RawIOBase):
    """A stream that fails where more than MOST_UNPACKED bytes come out of it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._left = MOST_UNPACKED

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        if size < 0 or size > self._left:
            raise ValueError(f"it unpacks to more than {MOST_UNPACKED >> 20} MiB")
        data = self._stream.read(size)
        self._left -= len(data)
        return data
