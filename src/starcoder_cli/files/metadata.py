"""A file's metadata: owner, mode and attributes, flags, and mount points."""

import os
import re
import stat
import struct
import sys
from contextlib import suppress
from errno import ENOTSUP
from pathlib import Path

from starcoder_cli.errors import RefusedError

# _IOR('f', 1, long) and two of its flags, from linux/fs.h; see ioctl_iflags(2) and chattr(1).
GET_FLAGS = 0x80006601 | struct.calcsize("l") << 16
IMMUTABLE_FLAG, APPEND_FLAG = 0x10, 0x20
BSD_FLAGS = stat.UF_IMMUTABLE | stat.UF_APPEND | stat.SF_IMMUTABLE | stat.SF_APPEND
MOUNTS = Path("/proc/self/mountinfo")  # proc(5): the fifth field is a path


def is_owned_by_user(status: os.stat_result) -> bool:
    """Whether this user owns a file; always true on systems without owners."""
    return not hasattr(os, "geteuid") or status.st_uid == os.geteuid()


def is_root() -> bool:
    """Whether this user may give files away; always true on systems without owners."""
    return not hasattr(os, "geteuid") or not os.geteuid()


def can_keep_group(status: os.stat_result, folder: os.stat_result) -> bool:
    """Whether a new file in a folder can have the group of an old one.

    It inherits the folder's group if the folder says so, and always on BSD and macOS; otherwise it
    may have any group that this user is in.
    """
    if is_root():
        return True
    inherits = folder.st_mode & stat.S_ISGID or sys.platform != "linux"
    return status.st_gid in {folder.st_gid if inherits else os.getegid(), *os.getgroups()}


def is_flagged(descriptor: int) -> bool:
    """Whether a file or folder is immutable or append-only, which its mode does not show."""
    flags = getattr(os.fstat(descriptor), "st_flags", None)
    if flags is not None:
        return bool(flags & BSD_FLAGS)
    with suppress(ImportError, OSError):  # not every system and file system has these flags
        import fcntl

        found = fcntl.ioctl(descriptor, GET_FLAGS, bytes(struct.calcsize("l")))
        return bool(struct.unpack("l", found)[0] & (IMMUTABLE_FLAG | APPEND_FLAG))
    return False


def is_mount_point(path: str, mounts: Path = MOUNTS) -> bool:
    """Whether something is mounted at a path without links, if the system can tell.

    A single file can be a mount point: containers get their configuration that way.
    """
    try:
        rows = mounts.read_bytes().splitlines()
    except OSError:
        return False
    name = re.sub(rb"[ \t\n\\]", lambda match: b"\\%03o" % match[0][0], os.fsencode(path))
    return any(row.split(b" ", 5)[4:5] == [name] for row in rows)


def is_mounted_read_only(folder: str | int) -> bool:
    """Whether the file system of a folder is read-only."""
    return hasattr(os, "statvfs") and bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def has_room(folder: str | int, size: int) -> bool:
    """Whether a folder has room for another `size` bytes, as far as its file system can tell."""
    if not hasattr(os, "statvfs"):
        return True
    found = os.statvfs(folder)
    blocks = found.f_bfree if is_root() else found.f_bavail
    return not found.f_blocks or blocks * found.f_frsize >= max(size, 1)


def copy_metadata(path: str, old: int, new: int) -> None:
    """Copy the owner, the mode and the extended attributes of an old file to a new one.

    Raises RefusedError if we may not.
    """
    try:
        if hasattr(os, "fchown"):
            before, after = os.fstat(old), os.fstat(new)
            if (before.st_uid, before.st_gid) != (after.st_uid, after.st_gid):
                os.fchown(new, before.st_uid, before.st_gid)
            os.fchmod(new, stat.S_IMODE(before.st_mode))  # after fchown, which clears mode bits
        if hasattr(os, "listxattr"):
            old_attributes, new_attributes = read_attributes(old), read_attributes(new)
            for name in new_attributes.keys() - old_attributes.keys():
                os.removexattr(new, name)
            for name, value in old_attributes.items():
                if new_attributes.get(name) != value:
                    os.setxattr(new, name, value)
    except PermissionError as error:
        raise RefusedError(
            f"the owner, mode or attributes of {path} could not be kept",
            "write elsewhere: --output",
        ) from error


def read_attributes(descriptor: int) -> dict[str, bytes]:
    """The extended attributes of a file, including access control lists."""
    try:
        return {name: os.getxattr(descriptor, name) for name in os.listxattr(descriptor)}
    except OSError as error:
        if error.errno == ENOTSUP:
            return {}
        raise
