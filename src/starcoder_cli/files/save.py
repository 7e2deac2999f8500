"""Write a file whole or not at all, and only if it has not changed since it was read.

The bytes are written to a new file beside the old one, which is then renamed over it (POSIX.1-2017,
`rename`): at any moment there is either all of the old file or all of the new one. If that is
impossible nothing is written, because writing into the old file could leave half of each. Problems
that can be detected early are reported early, so that nobody waits for an answer that has no place
to go.

Not covered: how Windows and network file systems handle `rename`, the extended attributes of macOS,
and another program that writes between the last check and the rename, one system call later.
"""

import os
import re
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from errno import (
    EACCES,
    EISDIR,
    ELOOP,
    ENAMETOOLONG,
    ENOENT,
    ENOSPC,
    ENOTDIR,
    ENXIO,
    EPERM,
    EROFS,
    EWOULDBLOCK,
)

from starcoder_cli.errors import (
    BusyError,
    CreateError,
    InputError,
    RefusedError,
    StarcoderError,
    WriteError,
)
from starcoder_cli.files.folder import OpenFolder, open_folder
from starcoder_cli.files.metadata import (
    can_keep_group,
    copy_metadata,
    has_room,
    is_flagged,
    is_mount_point,
    is_mounted_read_only,
    is_owned_by_user,
    is_root,
)
from starcoder_cli.system.file_lock import try_lock
from starcoder_cli.system.signals import defer_signals

TEMPORARY_NAME = re.compile(r"\.starcoder-[0-9a-f]{16}\.tmp")
STALE_TEMPORARY_SECONDS = 3600
NOT_A_FILE_ERRNOS = {EISDIR, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, ENXIO}
NO_PERMISSION_ERRNOS = {EACCES, EPERM, EROFS}
ELSEWHERE_HINT = "write elsewhere: --output"
UNFLAG_COMMAND = "chattr -i -a" if sys.platform == "linux" else "chflags nouchg,nouappnd"
NO_ROOM_HINT = "make room, or write elsewhere"
LEFT_ALONE_HINT = "it was left alone: run the command again"


@dataclass(frozen=True)
class FileVersion:
    """A file at one point in time: its identity, modification time and bytes."""

    device: int
    inode: int
    modified_ns: int
    data: bytes


@dataclass(frozen=True)
class SaveTarget:
    """A file to write: the name it was given, and where that name leads.

    `version` is what it must still be when it is saved; None if that does not matter.
    """

    path: str
    folder: str
    name: str
    version: FileVersion | None = None

    @classmethod
    def for_edit(cls, path: str, data: bytes) -> "SaveTarget":
        """A file whose bytes were just read, to be written unless somebody else changes it.

        Raises whatever would prevent writing it, as far as that is known already.
        """
        not_a_file = InputError(f"{path} is not a regular file", "name another")
        with translate_os_errors(path, not_a_file):
            folder, name = os.path.split(os.path.realpath(path, strict=True))
            with open_folder(folder) as handle, handle.open_file(name) as descriptor:
                current = read_version(descriptor, len(data))
                target = cls(path, folder, name, current)
                if current.data != data:
                    raise target.changed_error()
                target.check_folder(handle)
                target.check_file(handle)
        return target

    @classmethod
    def for_output(cls, path: str) -> "SaveTarget":
        """A file to create or replace, whatever it holds; raises like `for_edit`."""
        if path.endswith(("/", os.sep)):  # `realpath` would turn it into a file's name
            raise creation_error(path)
        with translate_os_errors(path, creation_error(path)):
            target = cls(path, *os.path.split(os.path.realpath(path)))
            with open_folder(target.folder) as handle:
                target.check_folder(handle)
                target.check_file(handle)
        return target

    def save(self, data: bytes) -> None:
        """Replace the contents of the file, keeping its owner, mode and extended attributes.

        Whatever is raised, the file is then either the old or the new one. Raises BusyError if it
        has changed since it was read, and what `for_edit` and `for_output` raise.
        """
        with (
            translate_os_errors(self.path, self.not_a_file_error()),
            defer_signals(),
            open_folder(self.folder) as folder,
        ):
            temporary = f".starcoder-{os.urandom(8).hex()}.tmp"
            remove_stale_temporaries(folder)
            with lock_for_saving(folder, self.name) if self.version else nullcontext():
                try:
                    self.write_temporary(folder, temporary, data)
                    self.check_file(folder)
                    folder.rename(temporary, self.name)
                except FileExistsError:  # the name was taken: that file is not ours
                    raise
                except BaseException:  # signals and Ctrl-C too
                    with suppress(OSError):
                        folder.remove(temporary)
                    raise
            with suppress(OSError):  # the file is saved; not every file system can sync
                folder.sync()

    def write_temporary(self, folder: OpenFolder, temporary: str, data: bytes) -> None:
        """Write the bytes into a new file with the metadata of the one it will replace."""
        exists = self.check_file(folder)
        # The system applies the umask to the mode of a new file, as for other programs.
        with folder.create_file(temporary, 0o600 if exists else 0o666) as new:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(new, rest) :]
            if exists:
                with folder.open_file(self.name) as old:
                    copy_metadata(self.path, old, new)
            os.fsync(new)

    def check_folder(self, folder: OpenFolder) -> None:
        """Raise an error if no file can be created in the folder."""
        place = folder.path if folder.descriptor is None else folder.descriptor
        why = ""
        if is_mounted_read_only(place):
            why = "its file system is mounted read-only"
        elif folder.descriptor is not None and is_flagged(folder.descriptor):
            why = "its folder is immutable or append-only"
        elif not folder.has_access(".", os.W_OK | os.X_OK):
            why = "its folder is read-only"
        if why:
            raise CreateError(f"cannot write {self.path}: {why}", ELSEWHERE_HINT)
        if not has_room(place, len(self.version.data) if self.version else 0):
            raise WriteError(f"cannot write {self.path}: {os.strerror(ENOSPC)}", NO_ROOM_HINT)

    def check_file(self, folder: OpenFolder) -> bool:
        """Raise an error if the file must not be replaced; returns whether it exists."""
        try:
            with folder.open_file(self.name) as descriptor:
                status = os.fstat(descriptor)
                if not stat.S_ISREG(status.st_mode):
                    raise self.not_a_file_error()
                if (
                    self.version
                    and read_version(descriptor, len(self.version.data)) != self.version
                ):
                    raise self.changed_error()
                flagged = is_flagged(descriptor)
        except FileNotFoundError:
            if self.version:
                raise
            return False
        if problem := self.replacement_error(status, folder, flagged=flagged):
            raise problem
        return True

    def replacement_error(
        self, status: os.stat_result, folder: OpenFolder, *, flagged: bool
    ) -> StarcoderError | None:
        """The reason why a file cannot be replaced with a similar one, or None."""
        if status.st_nlink > 1:
            return CreateError(
                f"{self.path} has other names (hard links), which would keep the old text",
                ELSEWHERE_HINT,
            )
        if is_mount_point(os.path.join(self.folder, self.name)):  # noqa: PTH118
            return CreateError(
                f"{self.path} is a mount point, which no other file can take the place of",
                ELSEWHERE_HINT,
            )
        if flagged:
            return RefusedError(
                f"{self.path} is immutable or append-only",
                f"undo that with `{UNFLAG_COMMAND}`, or {ELSEWHERE_HINT}",
            )
        if not folder.has_access(self.name, os.W_OK):
            return RefusedError(f"{self.path} is read-only", "make it writable: chmod u+w")
        if not is_owned_by_user(status) and not is_root():
            return RefusedError(
                f"{self.path} belongs to another user, and replacing it would make it yours",
                ELSEWHERE_HINT,
            )
        if not can_keep_group(status, folder.stat(".")):
            return RefusedError(
                f"{self.path} belongs to a group that you are not in, and replacing it would "
                "change its group",
                ELSEWHERE_HINT,
            )
        return None

    def changed_error(self) -> StarcoderError:
        """The error for a file that has changed since it was read."""
        return BusyError(f"{self.path} has changed since it was read", LEFT_ALONE_HINT)

    def not_a_file_error(self) -> StarcoderError:
        """The error for a name that leads to no file, or to something else."""
        if self.version:
            return BusyError(f"{self.path} is no longer the file that was read", LEFT_ALONE_HINT)
        return creation_error(self.path)


def creation_error(path: str) -> StarcoderError:
    """The error for a path where no file can be created."""
    if not path:
        return CreateError("the name of the file to write is empty", "name one")
    if os.path.isdir(path):  # noqa: PTH112 - a path may be any bytes
        return CreateError(f"{path} is a folder", "name a file in it")
    return CreateError(f"cannot create a file {path}", "name one in a folder that exists")


def read_version(descriptor: int, size: int) -> FileVersion:
    """The current state of a file; at most one byte more than `size` is read."""
    status, data = os.fstat(descriptor), bytearray()
    while len(data) <= size and (piece := os.read(descriptor, size + 1 - len(data))):
        data += piece
    return FileVersion(status.st_dev, status.st_ino, status.st_mtime_ns, bytes(data))


@contextmanager
def lock_for_saving(folder: OpenFolder, name: str) -> Iterator[None]:
    """Keep other runs of this program from writing a file, if the system has such locks.

    Raises BlockingIOError if another program has locked it.
    """
    if os.name == "nt":  # an open file could not be replaced there
        yield
        return
    with folder.open_file(name) as descriptor:
        if not try_lock(descriptor):
            raise BlockingIOError(EWOULDBLOCK, "another program has locked it")
        yield


def remove_stale_temporaries(folder: OpenFolder) -> None:
    """Remove temporary files that killed runs left in a folder."""
    with suppress(OSError):
        for name in filter(TEMPORARY_NAME.fullmatch, folder.list_names()):
            status = folder.stat(name)
            stale = time.time() - status.st_mtime > STALE_TEMPORARY_SECONDS
            if stale and is_owned_by_user(status) and stat.S_ISREG(status.st_mode):
                folder.remove(name)


@contextmanager
def translate_os_errors(path: str, not_a_file: StarcoderError) -> Iterator[None]:
    """Translate OS errors into ours; `not_a_file` is raised if a name leads to no file."""
    try:
        yield
    except OSError as error:
        raise convert_os_error(path, error, not_a_file) from error


def convert_os_error(path: str, error: OSError, not_a_file: StarcoderError) -> StarcoderError:
    """Translate an OS error into one of ours."""
    if error.errno in NOT_A_FILE_ERRNOS:
        return not_a_file
    if error.errno in NO_PERMISSION_ERRNOS:
        return CreateError(f"cannot write {path}: {error.strerror}", ELSEWHERE_HINT)
    if isinstance(error, BlockingIOError):
        return BusyError(f"another program is writing {path}", LEFT_ALONE_HINT)
    return WriteError(f"cannot write {path}: {error.strerror}", NO_ROOM_HINT)
