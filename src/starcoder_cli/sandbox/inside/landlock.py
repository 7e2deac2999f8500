"""Landlock: which files a process and its children may use; no TCP, no signals to others.

From Linux's documentation, userspace-api/landlock; the numbers are those of linux/landlock.h.
"""

import ctypes
import os
import stat
from collections.abc import Iterable

from starcoder_cli.sandbox.inside.kernel import syscall

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
CREATE_RULESET_VERSION = 1
RULE_PATH_BENEATH = 1

EXECUTE, WRITE, READ, READ_DIRECTORY = 1, 2, 4, 8
TRUNCATE, DEVICE_CONTROL = 1 << 14, 1 << 15
FILE_RIGHTS = EXECUTE | WRITE | READ | TRUNCATE | DEVICE_CONTROL
READ_RIGHTS = EXECUTE | READ | READ_DIRECTORY
# How many access rights each version has: REFER came with 2, TRUNCATE with 3, devices with 5.
RIGHT_COUNTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
TCP_SINCE, TCP_RIGHTS = 4, 0b11
SCOPES_SINCE, SCOPES = 6, 0b11  # abstract sockets, signals


class Ruleset(ctypes.Structure):
    """struct landlock_ruleset_attr."""

    _fields_ = tuple((name, ctypes.c_uint64) for name in ("files", "network", "scopes"))


class PathRule(ctypes.Structure):
    """struct landlock_path_beneath_attr."""

    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def landlock_version() -> int:
    """The version of Landlock here, or 0 if there is none."""
    try:
        return syscall(
            CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(CREATE_RULESET_VERSION)
        )
    except OSError:
        return 0


def allow_only_paths(readable: Iterable[str], writable: Iterable[str]) -> None:
    """Allow only what is below these paths, some for reading and running, some for writing too.

    It cannot be undone. Raises OSError without Landlock. A path that does not exist is
    skipped.
    """
    abi_version = landlock_version()
    if not abi_version:
        raise OSError("Landlock is not here")
    all_rights = (1 << RIGHT_COUNTS.get(abi_version, RIGHT_COUNTS[5])) - 1
    ruleset = Ruleset(
        all_rights,
        TCP_RIGHTS if abi_version >= TCP_SINCE else 0,
        SCOPES if abi_version >= SCOPES_SINCE else 0,
    )
    attribute_size = 8 if abi_version < TCP_SINCE else 16 if abi_version < SCOPES_SINCE else 24
    ruleset_fd = syscall(
        CREATE_RULESET, ctypes.byref(ruleset), ctypes.c_size_t(attribute_size), ctypes.c_uint32(0)
    )
    for path in readable:
        add_path_rule(ruleset_fd, path, READ_RIGHTS & all_rights)
    for path in writable:
        add_path_rule(ruleset_fd, path, all_rights)
    syscall(RESTRICT_SELF, ctypes.c_int(ruleset_fd), ctypes.c_uint32(0))
    os.close(ruleset_fd)


def add_path_rule(ruleset_fd: int, path: str, rights: int) -> None:
    """Add one path to a set of rules."""
    try:
        path_fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    is_folder = stat.S_ISDIR(os.fstat(path_fd).st_mode)
    rule = PathRule(rights if is_folder else rights & FILE_RIGHTS, path_fd)
    syscall(
        ADD_RULE,
        ctypes.c_int(ruleset_fd),
        ctypes.c_int(RULE_PATH_BENEATH),
        ctypes.byref(rule),
        ctypes.c_uint32(0),
    )
    os.close(path_fd)
