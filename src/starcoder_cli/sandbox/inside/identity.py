"""Root runs programs as a user that has nothing, because Linux does not count root's processes."""

import ctypes
import os
from pathlib import Path

from starcoder_cli.sandbox.inside.kernel import check_result, prctl

PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP = 28, 1 << 2
PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 47, 2
CAP_DAC_READ_SEARCH = 2
LINUX_CAPABILITY_VERSION = 0x20080522


def switch_user(user: int | None) -> None:
    """Turn root into a nameless user, and give up every capability but one.

    That one is reading and searching what Landlock allows, which may lie in root's home.
    """
    capabilities_kept = 0
    if user is not None and os.getuid() == 0:
        capabilities_kept = 1 << CAP_DAC_READ_SEARCH & permitted_capabilities()
        if capabilities_kept:  # for access(2) too, which compilers use to find their parts
            prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP)
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    set_capabilities(capabilities_kept)
    if capabilities_kept:
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_READ_SEARCH)


def permitted_capabilities() -> int:
    """The capabilities that this process may use, as bits."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next((int(line.split()[1], 16) for line in lines if line.startswith("CapPrm:")), 0)


def set_capabilities(mask: int) -> None:
    """Keep only the given ones of the first 32 capabilities."""
    library = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(LINUX_CAPABILITY_VERSION, 0)
    check_result(int(library.capset(header, (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0))))


def count_tasks(user: int) -> int:
    """The number of processes and threads that a user has."""
    count = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if folder.stat().st_uid == user:
                count += len(os.listdir(folder / "task"))  # noqa: PTH208
        except OSError:
            continue
    return count
