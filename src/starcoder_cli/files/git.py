"""What git knows of a repository: which files belong to it, and which changed lately.

A repository is not trusted. Only commands that read git's own files are run: whatever compares
files of the working tree may start filters that the repository names. Nothing of its settings or
of the user's is run either, nothing is fetched, and what waits, grows or says too much is ended.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from starcoder_cli.files.secrets import is_secret_variable
from starcoder_cli.system.processes import kill_and_wait, limit_memory
from starcoder_cli.system.programs import find_program

RECENT_COMMITS = 5
LISTING_SECONDS = 10.0
CONFIG_SECONDS = 2.0
MAX_GIT_MEMORY_BYTES = 1 << 30
MAX_GIT_OUTPUT_BYTES = 64 << 20

# An empty `core.fsmonitor` switches it off in every version; older ones take `false` for a program.
SAFE_GIT_OPTIONS = (
    *("-c", "core.fsmonitor=", "-c", "core.pager=cat", "-c", f"core.hooksPath={os.devnull}"),
    *("-c", "protocol.allow=never", "-c", "safe.bareRepository=explicit"),
    *("-c", "log.showSignature=false", "--no-pager"),
)
# What is known without a repository, and names no program: whom the user trusts, and what is to
# be ignored everywhere.
USER_SETTINGS = r"^(core\.excludesfile|safe\.directory)$"


def list_files(
    root: Path, seconds: float = LISTING_SECONDS, note: Callable[[str], None] = lambda _: None
) -> tuple[str, ...] | None:
    """The files of a repository that git does not ignore; None where git does not tell in time.

    Where the time is too short for files that were never added, `note` is told so.
    """
    tracked = ("ls-files", "-z", "--cached")
    files = run_git(root, (*tracked, "--others", "--exclude-standard"), seconds / 2)
    if files is None and (files := run_git(root, tracked, seconds / 2)) is not None:
        note(f"git does not tell which files of {root} are new; only those that it tracks count")
    return files


def list_tracked(root: Path, seconds: float = LISTING_SECONDS) -> tuple[str, ...] | None:
    """The files of a repository that git tracks; None where git does not tell in time."""
    return run_git(root, ("ls-files", "-z", "--cached"), seconds)


def list_recently_committed(root: Path, seconds: float) -> tuple[str, ...]:
    """The files that the last commits changed, the latest first; none where git fails."""
    log_names = ("log", "-z", "--name-only", "--format=", "--no-renames", "--no-merges")
    log_options = ("--no-ext-diff", "--no-textconv", f"-n{RECENT_COMMITS}")
    return run_git(root, (*log_names, *log_options), seconds) or ()


def run_git(root: Path, arguments: tuple[str, ...], seconds: float) -> tuple[str, ...] | None:
    """The files that a git command names; None where it fails, or takes too long or too much.

    Names that lead out of the repository, or into git's own folder, are left out: its index may
    hold any.
    """
    words = ("-C", str(root), *SAFE_GIT_OPTIONS, *user_options(), *arguments)
    output = read_git_output(words, GIT_ENVIRONMENT, seconds)
    if output is None:
        return None
    names = (os.fsdecode(name.lstrip(b"\n")) for name in output.split(b"\0"))
    return tuple(dict.fromkeys(name for name in names if stays_inside(name)))


def stays_inside(name: str) -> bool:
    """Whether a name is that of something in the repository that is not git's own."""
    folders = name.removesuffix("/").split("/")
    return {"", ".", "..", ".git"}.isdisjoint(folders)


def user_options() -> tuple[str, ...]:
    """What the user's own settings, and the system's, say about files and folders."""
    words = ("config", "--null", "--type=path", "--get-regexp", USER_SETTINGS)
    output = read_git_output(words, {"GIT_DIR": os.devnull}, CONFIG_SECONDS) or b""
    settings = (os.fsdecode(setting).partition("\n") for setting in output.split(b"\0") if setting)
    return tuple(word for key, _, value in settings for word in ("-c", f"{key}={value}"))


def read_git_output(
    words: tuple[str, ...], variables: Mapping[str, str], seconds: float
) -> bytes | None:
    """What git says with some variables of its own; None where it fails or goes too far."""
    import subprocess
    import threading

    program = find_program("git")
    if not program:
        return None
    try:
        process = subprocess.Popen(
            (program, *words),
            env={**inherited_environment(), **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError):
        return None
    timer = threading.Timer(seconds, kill_and_wait, (process,))
    try:
        limit_memory(process.pid, MAX_GIT_MEMORY_BYTES)
        timer.start()
        assert process.stdout is not None
        with process.stdout as stream:
            output = stream.read(MAX_GIT_OUTPUT_BYTES + 1)
        is_whole = len(output) <= MAX_GIT_OUTPUT_BYTES and process.wait() == 0
    finally:
        timer.cancel()
        kill_and_wait(process)
    return output if is_whole else None


def inherited_environment() -> dict[str, str]:
    """The user's environment without secrets, and without another repository that a hook names."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") and not is_secret_variable(name, value)
    }


GIT_ENVIRONMENT = {
    **{"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull},
    **{"GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none"},
    **{"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"},
}
