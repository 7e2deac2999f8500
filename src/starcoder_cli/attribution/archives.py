"""The files in an sdist, a wheel, or another archive, read in memory and within bounds."""

import bz2
import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path, PurePosixPath
from typing import IO

from starcoder_cli.attribution.trees import MOST_BYTES
from starcoder_cli.errors import DataError

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
