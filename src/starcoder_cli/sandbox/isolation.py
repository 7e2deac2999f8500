"""The kinds of sandbox, and what a process in one of them may see."""

import os
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

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
