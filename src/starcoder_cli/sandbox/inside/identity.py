"""Root runs programs as a user that has nothing: Linux counts the processes of all but root."""

import ctypes
import os
from pathlib import Path

from starcoder_cli.sandbox.inside.kernel import checked, prctl

SET_SECURE_BITS, NO_FIXUP = 28, 1 << 2
AMBIENT, RAISE = 47, 2
READ_AND_SEARCH = 2
CAPABILITIES_VERSION = 0x20080522


def become(user: int | None) -> None:
    """Turn root into a user without a name, and give up every capability but one.

    That one is reading and searching what Landlock leaves, which may lie in root's home.
    """
    kept = 0
    if user is not None and os.getuid() == 0:
        kept = 1 << READ_AND_SEARCH & permitted()
        if kept:  # for access(2) too, which compilers ask where their parts are
            prctl(SET_SECURE_BITS, NO_FIXUP)
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    capabilities(kept)
    if kept:
        prctl(AMBIENT, RAISE, READ_AND_SEARCH)


def permitted() -> int:
    """The capabilities that this process may use, as bits."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next((int(line.split()[1], 16) for line in lines if line.startswith("CapPrm:")), 0)


def capabilities(kept: int) -> None:
    """Keep only some of the first 32 capabilities."""
    library = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(CAPABILITIES_VERSION, 0)
    checked(int(library.capset(header, (ctypes.c_uint32 * 6)(kept, kept, kept, 0, 0, 0))))


def tasks_of(user: int) -> int:
    """How many processes and threads a user has."""
    count = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if folder.stat().st_uid == user:
                count += len(os.listdir(folder / "task"))  # noqa: PTH208
        except OSError:
            continue
    return count
