"""Containers of files: a folder, or an archive, which is never unpacked to disk.

No link is followed, and no name leads outside: what is not a regular file, or is too large, is
skipped.
"""

import bz2
import gzip
import lzma
import os
import stat
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Protocol, Self

from starcoder_cli.attribution.limited_streams import (
    MAX_UNPACKED_BYTES,
    ReadLimitedFile,
    SizeLimitedStream,
)
from starcoder_cli.attribution.name_depth import MAX_NAME_FOLDERS, without_deep
from starcoder_cli.attribution.xz import XzStream
from starcoder_cli.errors import DataError
from starcoder_cli.files.folder import SAFE_OPEN_FLAGS, walk_folders
from starcoder_cli.files.git import LISTING_SECONDS, list_files

MAX_INDEXED_FILE_BYTES = 2 << 20
GIT_FOLDER_NAME = ".git"
MIN_LISTING_SECONDS = 0.5


class SourceTree(Protocol):
    """Files by their names, which are relative and use slashes.

    `repositories` are the folders among them that are git repositories; the root is "".
    """

    @property
    def root(self) -> Path:
        """The folder or the archive."""

    @property
    def file_names(self) -> Sequence[str]:
        """The names of the files, in order."""

    @property
    def repositories(self) -> Sequence[str]:
        """The names of the folders that are git repositories."""

    def read(self, name: str) -> bytes | None:
        """Read a file; None if it is not a regular file, or too large."""


@dataclass(frozen=True)
class FolderTree:
    """The files below a folder; in a git repository, those that git tracks or would track."""

    root: Path
    file_names: Sequence[str]
    repositories: Sequence[str]

    @classmethod
    def scan(cls, root: Path, note: Callable[[str], None] = lambda _: None) -> "FolderTree":
        """List a folder without following links; `note` reports what git cannot list.

        All its repositories share git's time limit, with a minimum for each.
        """
        deadline = time.monotonic() + LISTING_SECONDS

        def list_repository(folder: Path) -> Sequence[str] | None:
            seconds = max(deadline - time.monotonic(), MIN_LISTING_SECONDS)
            return list_files(folder, seconds, note)

        if any((folder / GIT_FOLDER_NAME).exists() for folder in root.parents) and (
            names := list_repository(root)
        ):
            return cls(root, without_deep(sorted(names), note), ())
        file_names: list[str] = []
        repositories: list[str] = []
        for path, folders, files, _ in walk_folders(str(root)):
            relative = Path(path).relative_to(root).as_posix()
            prefix = "" if relative == "." else f"{relative}/"
            names_here: Sequence[str] = files
            if GIT_FOLDER_NAME in (*folders, *files):
                tracked = list_repository(Path(path))
                if tracked is None:
                    note(f"git does not tell which files belong to {path}; all of them count")
                else:
                    repositories.append(prefix.rstrip("/"))
                    names_here, folders[:] = sorted(tracked), []
            file_names += [prefix + name for name in names_here]
        return cls(root, without_deep(file_names, note), repositories)

    def read(self, name: str) -> bytes | None:
        """Read a file, opening folder by folder so that none of them is a link.

        Returns None for a name that leads outside, too: an index may contain any.
        """
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            return None
        *folders, base_name = name.split("/")
        with ExitStack() as stack:
            try:
                descriptor = _open_in_folder(stack, str(self.root), os.O_DIRECTORY, None)
                for folder in folders:
                    descriptor = _open_in_folder(
                        stack, folder, os.O_DIRECTORY | SAFE_OPEN_FLAGS, descriptor
                    )
                file = _open_in_folder(stack, base_name, SAFE_OPEN_FLAGS, descriptor)
                status = os.fstat(file)
                if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_INDEXED_FILE_BYTES:
                    return None
                with os.fdopen(file, "rb", closefd=False) as stream:
                    data = stream.read(MAX_INDEXED_FILE_BYTES + 1)
            except (OSError, ValueError):
                return None
            return data if len(data) <= MAX_INDEXED_FILE_BYTES else None


def _open_in_folder(stack: ExitStack, name: str, flags: int, folder: int | None) -> int:
    """Open a file and let the stack close it."""
    descriptor = os.open(name, os.O_RDONLY | flags, dir_fd=folder)
    stack.callback(os.close, descriptor)
    return descriptor


TAR_SUFFIXES = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar")
ZIP_SUFFIXES = (".whl", ".zip", ".egg")
MAX_LOADED_BYTES = 256 << 20
MAX_ARCHIVE_MEMBERS = 50_000
MAX_ARCHIVE_RECORDS = 1_000_000
USUAL_HEADER_BYTES, MAX_LONG_HEADER_BYTES = 2048, 32 << 20
"""What the headers of a member of a tar archive take, and what all may take beyond that."""
MAX_ARCHIVE_HEADER_BYTES = 64 << 10
TAR_HEADER_TYPES = (
    *(tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE),
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
)
MAX_NAME_CHARACTERS = 4096


PASSED_OVER_TYPE = b"?"


@dataclass(frozen=True)
class ArchiveTree:
    """The relevant files of an archive, by name; None for a file that is too large."""

    root: Path
    files: Mapping[str, bytes | None]
    repositories: tuple[str, ...] = ()

    @property
    def file_names(self) -> list[str]:
        """The names of the files, in order."""
        return sorted(self.files)

    def read(self, name: str) -> bytes | None:
        """Read a file; None if it is too large or missing."""
        return self.files.get(name)


def is_archive(path: Path) -> bool:
    """Whether a file has the name of a supported archive."""
    return path.name.lower().endswith((*TAR_SUFFIXES, *ZIP_SUFFIXES))


def read_archive(path: Path, is_relevant: Callable[[str], bool]) -> ArchiveTree:
    """Read an archive's relevant regular files; raises DataError if it is damaged or too large."""
    iterate_members = (
        iterate_tar_members if path.name.lower().endswith(TAR_SUFFIXES) else iterate_zip_members
    )
    files: dict[str, bytes | None] = {}
    loaded_bytes = unpacked_bytes = 0
    try:
        for number, (name, read_data) in enumerate(iterate_members(path)):
            is_large = unpacked_bytes > MAX_UNPACKED_BYTES or loaded_bytes > MAX_LOADED_BYTES
            if is_large or number >= MAX_ARCHIVE_MEMBERS:
                raise DataError(f"{path} is too large to be indexed", "unpack it, and add a part")
            if is_safe_name(name) and is_relevant(name):
                files[name] = data = read_data()
                loaded_bytes += len(data or b"")
                unpacked_bytes += MAX_INDEXED_FILE_BYTES if data is None else len(data)
    except ARCHIVE_ERRORS as error:
        raise DataError(f"{path} is damaged: {error}", "fetch it again") from error
    except MemoryError as error:
        raise DataError(f"{path} takes more memory than there is", "add a part of it") from error
    return ArchiveTree(path, files)


ARCHIVE_ERRORS = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError),
    *(ValueError, NotImplementedError, RuntimeError, OverflowError),
)
"""What archive readers raise for invalid archives, and for features that nobody needs."""


def is_safe_name(name: str) -> bool:
    """Whether a name stays below the folder it would be unpacked in, and is not too deep."""
    # Each of its folders is checked several times.
    if len(name) > MAX_NAME_CHARACTERS or name.count("/") > MAX_NAME_FOLDERS:
        return False
    path = PurePosixPath(name)
    is_suspicious = "\0" in name or "\\" in name or path.is_absolute()
    return not is_suspicious and ".." not in path.parts and path.as_posix() == name


def iterate_zip_members(path: Path) -> Iterator[tuple[str, Callable[[], bytes | None]]]:
    """The regular files of a zip archive, each with a function that reads it.

    With other compression methods than these two the unpacked size cannot be bounded in advance.
    """
    with ReadLimitedFile(path) as file, zipfile.ZipFile(file) as archive:
        for info in archive.infolist():

            def read(info: zipfile.ZipInfo = info) -> bytes | None:
                with archive.open(info) as stream:
                    return read_member(stream)

            is_bounded = info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
            if is_bounded and not info.is_dir() and (info.external_attr >> 28) in (0, 0o10):
                yield info.filename, read


def iterate_tar_members(path: Path) -> Iterator[tuple[str, Callable[[], bytes | None]]]:
    """The regular files of a tar archive, each with a function to read it before the next comes."""
    header_bytes = record_count = 0
    with open_decompressed(path) as stream:
        limited = SizeLimitedStream(stream)
        with tarfile.open(fileobj=limited, mode="r|", tarinfo=PlainTarInfo) as archive:
            while True:
                start = archive.offset
                if not (member := archive.next()):
                    return
                archive.members.clear()  # type: ignore[attr-defined]  # with their records
                record_count += len(member.pax_headers)
                header_bytes += max(member.offset_data - start - USUAL_HEADER_BYTES, 0)
                if record_count > MAX_ARCHIVE_RECORDS or header_bytes > MAX_LONG_HEADER_BYTES:
                    raise ValueError("its headers have too many records")

                def read(member: tarfile.TarInfo = member) -> bytes | None:
                    inner = archive.extractfile(member)
                    return read_member(inner) if inner else None

                if member.isreg():
                    yield member.name.removeprefix("./"), read


class PlainTarInfo(tarfile.TarInfo):
    """A member whose headers take little memory: larger headers are skipped."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Parse the member in a block."""
        member = super().frombuf(buf, encoding, errors)
        # A global header applies to all later members, and each of them keeps a copy.
        if member.type in (tarfile.XGLTYPE, tarfile.GNUTYPE_SPARSE) or (
            member.type in TAR_HEADER_TYPES and member.size > MAX_ARCHIVE_HEADER_BYTES
        ):
            member.type = PASSED_OVER_TYPE
        return member

    def _proc_gnusparse_10(self, *_: object) -> None:
        """Raise ValueError: such a member's list of holes may be as long as the archive."""
        raise ValueError("it has a file with holes")


def open_decompressed(path: Path) -> IO[bytes] | XzStream:
    """Open a compressed file by its extension and return its contents."""
    name = path.name.lower()
    if name.endswith((".gz", ".tgz")):
        return gzip.open(path)  # type: ignore[return-value]
    if name.endswith(".bz2"):
        return bz2.open(path)
    return XzStream(path) if name.endswith(".xz") else path.open("rb")


def read_member(stream: IO[bytes]) -> bytes | None:
    """Read a member; None if it is larger than a file may be, however well it is compressed."""
    data = stream.read(MAX_INDEXED_FILE_BYTES + 1)
    return data if len(data) <= MAX_INDEXED_FILE_BYTES else None
