"""Landlock: which files a process and its children may use; no TCP, no signals to outside.

From Linux's documentation, userspace-api/landlock; the numbers are those of linux/landlock.h.
"""

import ctypes
import os
import stat
from collections.abc import Iterable

from starcoder_cli.sandbox.inside.kernel import syscall

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
ASK_VERSION = 1
PATH_BENEATH = 1

EXECUTE, WRITE, READ, READ_FOLDER = 1, 2, 4, 8
TRUNCATE, DEVICE_CONTROL = 1 << 14, 1 << 15
FILE = EXECUTE | WRITE | READ | TRUNCATE | DEVICE_CONTROL
READING = EXECUTE | READ | READ_FOLDER
# How many access rights each version has: REFER came with 2, TRUNCATE with 3, devices with 5.
RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
TCP_SINCE, TCP = 4, 0b11
SCOPES_SINCE, SCOPES = 6, 0b11  # abstract sockets, signals


class Ruleset(ctypes.Structure):
    """struct landlock_ruleset_attr."""

    _fields_ = tuple((name, ctypes.c_uint64) for name in ("files", "network", "scopes"))


class Rule(ctypes.Structure):
    """struct landlock_path_beneath_attr."""

    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def version() -> int:
    """The version of Landlock here, 0 where there is none."""
    try:
        return syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(ASK_VERSION))
    except OSError:
        return 0


def allow_only(readable: Iterable[str], writable: Iterable[str]) -> None:
    """Leave only what is below these paths, some to read and run, some to write too.

    It cannot be taken back. OSError where there is no Landlock. A path that is not there is
    passed over.
    """
    here = version()
    if not here:
        raise OSError("Landlock is not here")
    every = (1 << RIGHTS.get(here, RIGHTS[5])) - 1
    ruleset = Ruleset(every, TCP if here >= TCP_SINCE else 0, SCOPES if here >= SCOPES_SINCE else 0)
    size = 8 if here < TCP_SINCE else 16 if here < SCOPES_SINCE else 24
    number = syscall(
        CREATE_RULESET, ctypes.byref(ruleset), ctypes.c_size_t(size), ctypes.c_uint32(0)
    )
    for path in readable:
        allow(number, path, READING & every)
    for path in writable:
        allow(number, path, every)
    syscall(RESTRICT_SELF, ctypes.c_int(number), ctypes.c_uint32(0))
    os.close(number)


def allow(ruleset: int, path: str, rights: int) -> None:
    """Add one path to a set of rules."""
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    folder = stat.S_ISDIR(os.fstat(opened).st_mode)
    rule = Rule(rights if folder else rights & FILE, opened)
    syscall(
        ADD_RULE,
        ctypes.c_int(ruleset),
        ctypes.c_int(PATH_BENEATH),
        ctypes.byref(rule),
        ctypes.c_uint32(0),
    )
    os.close(opened)
