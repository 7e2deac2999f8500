"""Where a language's tools are on this machine, and which folders they read."""

import sys
from functools import cache
from pathlib import Path

from starcoder_cli.sandbox.isolation import SYSTEM_PATHS
from starcoder_cli.system.programs import find_program

TOOL_CHECK_SECONDS = 20.0


@cache
def find_tool(tool: str) -> Path | None:
    """The program that a tool's name stands for, with no link or chooser in between."""
    program = find_program(tool)
    if not program:
        return None
    return find_rustc(program) if tool == "rustc" else Path(program)


def find_rustc(command: str) -> Path | None:
    """The compiler itself: rustup installs a program in its place that only chooses one, if any."""
    from subprocess import DEVNULL, CalledProcessError, check_output

    try:
        root = check_output((command, "--print", "sysroot"), text=True, stderr=DEVNULL)
    except (OSError, CalledProcessError):
        return None
    return Path(root.strip()) / "bin" / "rustc"


@cache
def can_run(command: tuple[str, ...]) -> bool:
    """Whether a command exits with 0."""
    from subprocess import DEVNULL, SubprocessError, run

    try:
        completed = run(
            command, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL, timeout=TOOL_CHECK_SECONDS
        )
    except (OSError, SubprocessError):
        return False
    return completed.returncode == 0


@cache
def find_tool_folders(*tools: str) -> tuple[str, ...]:
    """The folders outside the system that some tools are in and read, and Java's settings."""
    programs = [path for tool in tools if (path := find_tool(tool))]
    resolved = [path.resolve() for path in programs]
    roots = [find_root(path) for path in (*programs, *resolved) if not is_system_path(path)]
    settings = [str(path) for path in Path("/etc").glob("java-*")] if "java" in tools else []
    return tuple(dict.fromkeys((*roots, *settings)))


def find_root(program: Path) -> str:
    """The folder a program is installed in, or the program itself if that is or holds a home.

    In `~/bin` and `~/.local/bin`, programs sit next to everything else that their user has.
    """
    root, home = program.parents[1], Path.home()
    too_wide = root in (home, *home.parents, home / ".local")
    return str(program if too_wide else root)


def find_interpreter(name: str) -> Path | None:
    """The interpreter of that name, with links resolved unless it is an environment's."""
    path = find_tool(name)
    if path is None or (path.parents[1] / "pyvenv.cfg").exists():
        return path
    return path.resolve()


def is_system_path(path: Path) -> bool:
    """Whether every sandbox can read a path anyway."""
    return any(path.is_relative_to(folder) for folder in (*SYSTEM_PATHS, sys.base_prefix))
