"""The kinds of sandbox, and what a process in one of them may see."""

import os
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from starcoder_cli.system.programs import find_program

WORK_FOLDER = "/starcoder-work"
"""A name that no user's folder has: a folder bound below it would be hidden."""

# What compilers and interpreters read; /etc has the linker's cache and command alternatives.
SYSTEM_PATHS = (
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
ROOT_CAPABILITIES = ("CAP_SETUID", "CAP_SETGID", "CAP_CHOWN", "CAP_KILL")
DEVICE_PATHS = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


class SandboxKind(StrEnum):
    """A kind of sandbox, best first."""

    BUBBLEWRAP = "bubblewrap"
    LANDLOCK = "landlock"


def python_path() -> str:
    """The interpreter of the sandboxes: the one that this program's environment was made from."""
    return str(Path(sys.executable).resolve())


def readable_paths(tools: Sequence[str] = ()) -> list[str]:
    """What a sandboxed process may read and run: the system, Python, and the folders of tools."""
    paths = (*SYSTEM_PATHS, sys.base_prefix, *tools)
    return [path for path in dict.fromkeys(paths) if Path(path).exists()]


def find_bubblewrap() -> str | None:
    """Bubblewrap's program, wherever the user's commands are, or None."""
    return find_program("bwrap")


def bubblewrap_command(paths: Sequence[str], disk_bytes: int) -> list[str]:
    """The command line before the program: these paths, and WORK_FOLDER with `disk_bytes` bytes."""
    command = [
        find_bubblewrap() or "bwrap",
        "--die-with-parent",
        "--new-session",
        "--cap-drop",
        "ALL",
    ]
    command += [
        f"--unshare-{namespace}" for namespace in ("ipc", "pid", "net", "uts", "cgroup-try")
    ]
    if os.getuid():
        command.append("--unshare-user")
    else:  # it becomes another user, who is given the folder
        command += [argument for name in ROOT_CAPABILITIES for argument in ("--cap-add", name)]
    folders = dict.fromkeys(str(parent) for path in paths for parent in Path(path).parents[-2::-1])
    for folder in folders:  # bubblewrap alone would make them for root only
        command += ["--dir", folder]
    for path in paths:
        if Path(path).is_symlink():
            command += ["--symlink", str(Path(path).readlink()), path]
        else:
            command += ["--ro-bind", path, path]
    command += ["--proc", "/proc", "--dev", "/dev"]
    command += ["--size", str(disk_bytes), "--tmpfs", WORK_FOLDER, "--chdir", WORK_FOLDER]
    return [*command, "--remount-ro", "/dev", "--remount-ro", "/", "--"]
