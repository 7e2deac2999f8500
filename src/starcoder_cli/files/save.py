"""Write a file whole or not at all, and only where it is still what was read.

What is written goes into a new file beside the old one, which then takes its name (POSIX.1-2017,
`rename`): at any moment there is either all of the old file or all of the new one. Where that
cannot be done nothing is, because to write into the old file could leave half of each. What can be
known beforehand is said beforehand, so that nobody waits for an answer that has no place to go.

Not covered: what Windows and network file systems make of `rename`, the extended attributes of
macOS, and another program that writes between the last look and the rename, one system call later.
"""

import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from errno import EACCES, EISDIR, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, ENOTSUP, ENXIO, EPERM, EROFS

from starcoder_cli.errors import (
    BusyError,
    CreateError,
    InputError,
    RefusedError,
    StarcoderError,
    WriteError,
)
from starcoder_cli.files.folder import Folder, opened
from starcoder_cli.system.signals import deferred

TEMPORARY = re.compile(r"\.starcoder-[0-9a-f]{16}\.tmp")
STALE_SECONDS = 3600
LEADS_NOWHERE = {EISDIR, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, ENXIO}
FORBIDDEN = {EACCES, EPERM, EROFS}
LEFT_ALONE = "it was left alone: run the command again"


@dataclass(frozen=True)
class Version:
    """A file at one time: which one its name leads to, when it was written, and its bytes."""

    device: int
    inode: int
    written: int
    data: bytes


@dataclass(frozen=True)
class Target:
    """A file to write: what it is called, and where that name leads.

    `version` is what it has to be still by then; None where that does not matter.
    """

    path: str
    folder: str
    name: str
    version: Version | None = None

    @classmethod
    def edited(cls, path: str, data: bytes) -> "Target":
        """A file whose bytes were just read, to be written unless somebody else does.

        Raises whatever keeps it from being written, as far as that can be known by now.
        """
        nowhere = InputError(f"{path} is no file that could be changed", "name another")
        with explained(path, nowhere):
            folder, name = os.path.split(os.path.realpath(path, strict=True))
            with opened(folder) as here, here.reading(name) as descriptor:
                found = version(descriptor, len(data))
                target = cls(path, folder, name, found)
                if found.data != data:
                    raise target.changed()
                target.check_folder(here)
                target.check(here)
        return target

    @classmethod
    def output(cls, path: str) -> "Target":
        """A file to create, or to replace whatever it holds; raises like `edited`."""
        if path.endswith(("/", os.sep)):  # `realpath` would make a file's name of it
            raise cannot_create(path)
        with explained(path, cannot_create(path)):
            target = cls(path, *os.path.split(os.path.realpath(path)))
            with opened(target.folder) as here:
                target.check_folder(here)
                target.check(here)
        return target

    def save(self, data: bytes) -> None:
        """Make these the bytes of the file, which keeps its owner, mode and extended attributes.

        Whatever is raised, the file is then the old one or the new one. Raises BusyError where it
        is not what was read, and what `edited` and `output` raise.
        """
        with explained(self.path, self.nowhere()), deferred(), opened(self.folder) as folder:
            temporary = f".starcoder-{os.urandom(8).hex()}.tmp"
            sweep(folder)
            with locked(folder, self.name) if self.version else nullcontext():
                try:
                    self.write(folder, temporary, data)
                    self.check(folder)
                    folder.move(temporary, self.name)
                except FileExistsError:  # the name was taken: that file is not ours
                    raise
                except BaseException:  # signals and Ctrl-C too
                    with suppress(OSError):
                        folder.remove(temporary)
                    raise
            with suppress(OSError):  # the file is there; not every file system can say more
                folder.sync()

    def write(self, folder: Folder, temporary: str, data: bytes) -> None:
        """Write the bytes into a new file that is like the one it will replace."""
        exists = self.check(folder)
        # The system takes the umask off the mode of a new file, as it does for other programs.
        with folder.creating(temporary, 0o600 if exists else 0o666) as new:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(new, rest) :]
            if exists:
                with folder.reading(self.name) as old:
                    keep(self.path, old, new)
            os.fsync(new)

    def check_folder(self, folder: Folder) -> None:
        """Raise where no file can be made in the folder."""
        if not folder.allows(".", os.W_OK | os.X_OK):
            raise CreateError(
                f"cannot write {self.path}: its folder is read-only", "write elsewhere: --output"
            )

    def check(self, folder: Folder) -> bool:
        """Raise where the file must not be replaced; whether there is one already."""
        try:
            with folder.reading(self.name) as descriptor:
                status = os.fstat(descriptor)
                if not stat.S_ISREG(status.st_mode):
                    raise self.nowhere()
                if self.version and version(descriptor, len(self.version.data)) != self.version:
                    raise self.changed()
        except FileNotFoundError:
            if self.version:
                raise
            return False
        if status.st_nlink > 1:
            raise CreateError(
                f"{self.path} has other names (hard links), which would keep the old text",
                "write elsewhere: --output",
            )
        if not folder.allows(self.name, os.W_OK):
            raise RefusedError(f"{self.path} is read-only", "make it writable: chmod u+w")
        if not is_ours(status) and os.geteuid():
            raise RefusedError(
                f"{self.path} belongs to another user, and afterwards would not",
                "write elsewhere: --output",
            )
        return True

    def changed(self) -> StarcoderError:
        """What is wrong where the file is not what was read."""
        return BusyError(f"{self.path} has changed since it was read", LEFT_ALONE)

    def nowhere(self) -> StarcoderError:
        """What is wrong where the name leads to no file, or to something else."""
        if self.version:
            return BusyError(f"{self.path} is not the file any more that was read", LEFT_ALONE)
        return cannot_create(self.path)


def cannot_create(path: str) -> StarcoderError:
    """What is wrong where no file can be at a path."""
    return CreateError(f"cannot create a file {path}", "name one in a folder that exists")


def version(descriptor: int, size: int) -> Version:
    """A file as it is now; of one that is larger than `size`, one byte more than that."""
    status, data = os.fstat(descriptor), bytearray()
    while len(data) <= size and (piece := os.read(descriptor, size + 1 - len(data))):
        data += piece
    return Version(status.st_dev, status.st_ino, status.st_mtime_ns, bytes(data))


def keep(path: str, old: int, new: int) -> None:
    """Give a new file the owner, the mode and the extended attributes of an old one.

    Raises RefusedError where we may not.
    """
    try:
        if hasattr(os, "fchown"):
            was, made = os.fstat(old), os.fstat(new)
            if (was.st_uid, was.st_gid) != (made.st_uid, made.st_gid):
                os.fchown(new, was.st_uid, was.st_gid)
            os.fchmod(new, stat.S_IMODE(was.st_mode))  # after fchown, which clears bits of it
        if hasattr(os, "listxattr"):
            was_set, made_set = attributes(old), attributes(new)
            for name in made_set.keys() - was_set.keys():
                os.removexattr(new, name)
            for name, value in was_set.items():
                if made_set.get(name) != value:
                    os.setxattr(new, name, value)
    except PermissionError as error:
        raise RefusedError(
            f"the owner, mode or attributes of {path} could not be kept",
            "write elsewhere: --output",
        ) from error


def attributes(descriptor: int) -> dict[str, bytes]:
    """The extended attributes of a file, access control lists among them."""
    try:
        return {name: os.getxattr(descriptor, name) for name in os.listxattr(descriptor)}
    except OSError as error:
        if error.errno == ENOTSUP:
            return {}
        raise


@contextmanager
def locked(folder: Folder, name: str) -> Iterator[None]:
    """Keep other runs of this program from writing a file, where the system has such locks.

    Raises BlockingIOError where another program has it.
    """
    try:
        import fcntl
    except ImportError:  # and there an open file could not be replaced
        yield
        return
    with folder.reading(name) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:
            pass  # no locks in this file system
        yield


def sweep(folder: Folder) -> None:
    """Remove what runs that were killed have left in a folder."""
    with suppress(OSError):
        for name in filter(TEMPORARY.fullmatch, folder.names()):
            status = folder.status(name)
            stale = time.time() - status.st_mtime > STALE_SECONDS
            if stale and is_ours(status) and stat.S_ISREG(status.st_mode):
                folder.remove(name)


def is_ours(status: os.stat_result) -> bool:
    """Whether a file belongs to this user; where the system has no owners it does."""
    return not hasattr(os, "geteuid") or status.st_uid == os.geteuid()


@contextmanager
def explained(path: str, nowhere: StarcoderError) -> Iterator[None]:
    """What the system refuses, as an error of ours; `nowhere` where a name leads to no file."""
    try:
        yield
    except OSError as error:
        raise in_words(path, error, nowhere) from error


def in_words(path: str, error: OSError, nowhere: StarcoderError) -> StarcoderError:
    """An error of the system as one of ours."""
    if error.errno in LEADS_NOWHERE:
        return nowhere
    if error.errno in FORBIDDEN:
        return CreateError(f"cannot write {path}: {error.strerror}", "write elsewhere: --output")
    if isinstance(error, BlockingIOError):
        return BusyError(f"another program is writing {path}", LEFT_ALONE)
    return WriteError(f"cannot write {path}: {error.strerror}", "make room, or write elsewhere")
