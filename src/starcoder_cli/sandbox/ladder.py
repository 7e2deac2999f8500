"""Which sandbox is here: bubblewrap, else Landlock with seccomp, else none and nothing runs."""

import os
import sys
from collections.abc import Sequence
from enum import StrEnum
from functools import cache
from pathlib import Path

from starcoder_cli.errors import MachineError, UsageError

VARIABLE = "STARCODER_SANDBOX"
WORK = "/work"
# What compilers and interpreters read; /etc has the linker's cache and what commands stand for.
SYSTEM = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/localtime",
)
ROOT_NEEDS = ("CAP_SETUID", "CAP_SETGID", "CAP_CHOWN", "CAP_KILL")
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


class Rung(StrEnum):
    """A kind of sandbox, the best one first."""

    BUBBLEWRAP = "bubblewrap"
    LANDLOCK = "landlock"


def rung() -> Rung:
    """The sandbox that programs run in here; MachineError where there is none.

    The variable STARCODER_SANDBOX names one that has to be it.
    """
    named = os.environ.get(VARIABLE)
    if named and named not in list(Rung):
        raise UsageError(f"{VARIABLE} is {named!r}", f"it may be {' or '.join(Rung)}")
    rungs = [Rung(named)] if named else list(Rung)
    reasons = [(rung, reason_against(rung)) for rung in rungs]
    for rung, reason in reasons:
        if not reason:
            return rung
    told = ", ".join(f"{rung} ({reason})" for rung, reason in reasons)
    raise MachineError(
        f"there is no sandbox to run a model's programs in: {told}",
        "install bubblewrap, or use a Linux with Landlock (5.13 or newer)",
    )


@cache
def reason_against(rung: Rung) -> str | None:
    """Why a kind of sandbox cannot be used here; None where a program has just run in it."""
    if sys.platform != "linux":
        return "only on Linux"
    import shutil

    if rung is Rung.BUBBLEWRAP and not shutil.which("bwrap"):
        return "not installed"
    from starcoder_cli.sandbox.probe import failure

    return failure(rung)


def python() -> str:
    """The interpreter of the sandboxes: the one that this program's environment was made from."""
    return str(Path(sys.executable).resolve())


def readable(tools: Sequence[str] = ()) -> list[str]:
    """What a sandboxed process may read and run: the system, Python, and the folders of tools."""
    paths = (*SYSTEM, sys.base_prefix, *tools)
    return [path for path in dict.fromkeys(paths) if Path(path).exists()]


def bubblewrap(paths: Sequence[str], disk: int) -> list[str]:
    """The command that other words follow: these paths, and WORK with room for `disk` bytes."""
    words = ["bwrap", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    words += [f"--unshare-{kind}" for kind in ("ipc", "pid", "net", "uts", "cgroup-try")]
    if os.getuid():
        words.append("--unshare-user")
    else:  # it becomes another user, to whom the folder is given
        words += [word for name in ROOT_NEEDS for word in ("--cap-add", name)]
    folders = dict.fromkeys(str(parent) for path in paths for parent in Path(path).parents[-2::-1])
    for folder in folders:  # bubblewrap alone would make them for root only
        words += ["--dir", folder]
    for path in paths:
        if Path(path).is_symlink():
            words += ["--symlink", str(Path(path).readlink()), path]
        else:
            words += ["--ro-bind", path, path]
    words += ["--proc", "/proc", "--dev", "/dev"]
    words += ["--size", str(disk), "--tmpfs", WORK, "--chdir", WORK]
    return [*words, "--remount-ro", "/dev", "--remount-ro", "/", "--"]
