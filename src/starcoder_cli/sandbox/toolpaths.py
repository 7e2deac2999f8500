"""Where the tools of a language are on this machine, and which folders they read."""

import sys
from functools import cache
from pathlib import Path

from starcoder_cli.sandbox.isolation import SYSTEM

SECONDS = 20.0


@cache
def find(tool: str) -> Path | None:
    """The program that a tool's name stands for, with no link or chooser in between."""
    import shutil

    found = shutil.which(tool)
    if not found:
        return None
    return rust(found) if tool == "rustc" else Path(found)


def rust(command: str) -> Path | None:
    """The compiler itself: what rustup installs in its place only chooses one, if there is any."""
    from subprocess import DEVNULL, CalledProcessError, check_output

    try:
        root = check_output((command, "--print", "sysroot"), text=True, stderr=DEVNULL)
    except (OSError, CalledProcessError):
        return None
    return Path(root.strip()) / "bin" / "rustc"


@cache
def works(command: tuple[str, ...]) -> bool:
    """Whether a command exits with 0."""
    from subprocess import DEVNULL, SubprocessError, run

    try:
        done = run(command, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL, timeout=SECONDS)
    except (OSError, SubprocessError):
        return False
    return done.returncode == 0


@cache
def folders(*tools: str) -> tuple[str, ...]:
    """The folders outside of the system that some tools lie in and read, and Java's settings."""
    found = [path for tool in tools if (path := find(tool))]
    real = [path.resolve() for path in found]
    roots = [str(path.parents[1]) for path in (*found, *real) if not in_system(path)]
    settings = [str(path) for path in Path("/etc").glob("java-*")] if "java" in tools else []
    return tuple(dict.fromkeys((*roots, *settings)))


def in_system(path: Path) -> bool:
    """Whether every sandbox can read a path anyway."""
    return any(path.is_relative_to(folder) for folder in (*SYSTEM, sys.base_prefix))
