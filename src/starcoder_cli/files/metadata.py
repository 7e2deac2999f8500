"""What a file is besides its bytes: owner, mode and attributes, flags, and where it is mounted."""

import os
import re
import stat
import struct
import sys
from contextlib import suppress
from errno import ENOTSUP
from pathlib import Path

from starcoder_cli.errors import RefusedError

# _IOR('f', 1, long) and two of its flags, by linux/fs.h; see ioctl_iflags(2) and chattr(1).
GET_FLAGS = 0x80006601 | struct.calcsize("l") << 16
IMMUTABLE_FLAG, APPEND_FLAG = 0x10, 0x20
BSD_FLAGS = stat.UF_IMMUTABLE | stat.UF_APPEND | stat.SF_IMMUTABLE | stat.SF_APPEND
MOUNTS = Path("/proc/self/mountinfo")  # proc(5): the fifth field is a path


def is_owned_by_user(status: os.stat_result) -> bool:
    """Whether a file belongs to this user; where the system has no owners it does."""
    return not hasattr(os, "geteuid") or status.st_uid == os.geteuid()


def is_root() -> bool:
    """Whether this user may give files away; where the system has no owners anybody may."""
    return not hasattr(os, "geteuid") or not os.geteuid()


def can_keep_group(status: os.stat_result, folder: os.stat_result) -> bool:
    """Whether a new file in a folder can have the group of an old one.

    It gets the folder's where that says so, and always on BSD and macOS; else it may be given any
    group that this user is in.
    """
    if is_root():
        return True
    inherits = folder.st_mode & stat.S_ISGID or sys.platform != "linux"
    return status.st_gid in {folder.st_gid if inherits else os.getegid(), *os.getgroups()}


def is_flagged(descriptor: int) -> bool:
    """Whether a file or a folder is immutable or append-only, which its mode does not tell."""
    flags = getattr(os.fstat(descriptor), "st_flags", None)
    if flags is not None:
        return bool(flags & BSD_FLAGS)
    with suppress(ImportError, OSError):  # not every system and file system has such flags
        import fcntl

        found = fcntl.ioctl(descriptor, GET_FLAGS, bytes(struct.calcsize("l")))
        return bool(struct.unpack("l", found)[0] & (IMMUTABLE_FLAG | APPEND_FLAG))
    return False


def is_mount_point(path: str, mounts: Path = MOUNTS) -> bool:
    """Whether something is mounted at a path without links, where the system tells.

    A single file can be one: containers get their configuration so.
    """
    try:
        rows = mounts.read_bytes().splitlines()
    except OSError:
        return False
    name = re.sub(rb"[ \t\n\\]", lambda match: b"\\%03o" % match[0][0], os.fsencode(path))
    return any(row.split(b" ", 5)[4:5] == [name] for row in rows)


def is_mounted_read_only(folder: str | int) -> bool:
    """Whether the file system that has a folder can only be read."""
    return hasattr(os, "statvfs") and bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def has_room(folder: str | int, size: int) -> bool:
    """Whether so many bytes more can be in a folder, as far as its file system tells."""
    if not hasattr(os, "statvfs"):
        return True
    found = os.statvfs(folder)
    blocks = found.f_bfree if is_root() else found.f_bavail
    return not found.f_blocks or blocks * found.f_frsize >= max(size, 1)


def copy_metadata(path: str, old: int, new: int) -> None:
    """Give a new file the owner, the mode and the extended attributes of an old one.

    Raises RefusedError where we may not.
    """
    try:
        if hasattr(os, "fchown"):
            before, after = os.fstat(old), os.fstat(new)
            if (before.st_uid, before.st_gid) != (after.st_uid, after.st_gid):
                os.fchown(new, before.st_uid, before.st_gid)
            os.fchmod(new, stat.S_IMODE(before.st_mode))  # after fchown, which clears bits of it
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
    """The extended attributes of a file, access control lists among them."""
    try:
        return {name: os.getxattr(descriptor, name) for name in os.listxattr(descriptor)}
    except OSError as error:
        if error.errno == ENOTSUP:
            return {}
        raise
