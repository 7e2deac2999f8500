"""Linux calls that Python has no name for."""

import ctypes
import os

MACHINE_ARCHITECTURES = {
    "x86_64": "x86_64",
    "amd64": "x86_64",
    "aarch64": "aarch64",
    "arm64": "aarch64",
}

PR_SET_NO_NEW_PRIVS = 38
PR_SET_DUMPABLE = 4
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def detect_architecture() -> str:
    """The machine's architecture, as named in our tables; raises OSError if it is unknown."""
    machine = os.uname().machine
    if machine not in MACHINE_ARCHITECTURES:
        raise OSError(f"system calls of {machine} are not known")
    return MACHINE_ARCHITECTURES[machine]


def syscall(number: int, *arguments: object) -> int:
    """Make a system call and return its result; raises OSError if it fails."""
    library = ctypes.CDLL(None, use_errno=True)
    library.syscall.restype = ctypes.c_long
    result = int(library.syscall(ctypes.c_long(number), *arguments))
    return check_result(result)


def prctl(option: int, *arguments: int) -> int:
    """Change a property of this process; raises OSError if that fails."""
    library = ctypes.CDLL(None, use_errno=True)
    numbers = [ctypes.c_ulong(number) for number in (*arguments, 0, 0, 0, 0)[:4]]
    return check_result(int(library.prctl(ctypes.c_int(option), *numbers)))


def check_result(result: int) -> int:
    """Return a call's result; raises OSError if it is a failure."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
