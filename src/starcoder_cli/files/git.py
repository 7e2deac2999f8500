"""What git knows about a repository: which files belong to it, and which changed recently.

A repository is not trusted. Only commands that read git's own files are run: comparing files of the
working tree may start filters that the repository names. Nothing from its settings or the user's is
run either, nothing is fetched, and a git that waits, grows or prints too much is killed.
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

# An empty `core.fsmonitor` disables it in every version; older ones take `false` for a program.
SAFE_GIT_OPTIONS = (
    *("-c", "core.fsmonitor=", "-c", "core.pager=cat", "-c", f"core.hooksPath={os.devnull}"),
    *("-c", "protocol.allow=never", "-c", "safe.bareRepository=explicit"),
    *("-c", "log.showSignature=false", "--no-pager"),
)
# Settings that need no repository and name no program: which folders the user trusts, and what is
# ignored everywhere.
USER_SETTINGS = r"^(core\.excludesfile|safe\.directory)$"


def list_files(
    root: Path, seconds: float = LISTING_SECONDS, note: Callable[[str], None] = lambda _: None
) -> tuple[str, ...] | None:
    """The files of a repository that git does not ignore; None if git does not answer in time.

    `note` is called if there is no time to find files that were never added.
    """
    tracked = ("ls-files", "-z", "--cached")
    files = run_git(root, (*tracked, "--others", "--exclude-standard"), seconds / 2)
    if files is None and (files := run_git(root, tracked, seconds / 2)) is not None:
        note(f"git does not tell which files of {root} are new; only those that it tracks count")
    return files


def list_tracked(root: Path, seconds: float = LISTING_SECONDS) -> tuple[str, ...] | None:
    """The files of a repository that git tracks; None if git does not answer in time."""
    return run_git(root, ("ls-files", "-z", "--cached"), seconds)


def list_recently_committed(root: Path, seconds: float) -> tuple[str, ...]:
    """The files changed by the last commits, latest first; empty if git fails."""
    log_names = ("log", "-z", "--name-only", "--format=", "--no-renames", "--no-merges")
    log_options = ("--no-ext-diff", "--no-textconv", f"-n{RECENT_COMMITS}")
    return run_git(root, (*log_names, *log_options), seconds) or ()


def run_git(root: Path, arguments: tuple[str, ...], seconds: float) -> tuple[str, ...] | None:
    """The files that a git command lists; None if it fails, or takes too long or too much.

    Names that lead out of the repository or into git's own folder are dropped: its index may
    contain any name.
    """
    words = ("-C", str(root), *SAFE_GIT_OPTIONS, *user_options(), *arguments)
    output = read_git_output(words, GIT_ENVIRONMENT, seconds)
    if output is None:
        return None
    names = (os.fsdecode(name.lstrip(b"\n")) for name in output.split(b"\0"))
    return tuple(dict.fromkeys(name for name in names if stays_inside(name)))


def stays_inside(name: str) -> bool:
    """Whether a name stays inside the repository and outside git's own folder."""
    folders = name.removesuffix("/").split("/")
    return {"", ".", "..", ".git"}.isdisjoint(folders)


def user_options() -> tuple[str, ...]:
    """The user's and the system's settings for trusted folders and ignored files, as options."""
    words = ("config", "--null", "--type=path", "--get-regexp", USER_SETTINGS)
    output = read_git_output(words, {"GIT_DIR": os.devnull}, CONFIG_SECONDS) or b""
    settings = (os.fsdecode(setting).partition("\n") for setting in output.split(b"\0") if setting)
    return tuple(word for key, _, value in settings for word in ("-c", f"{key}={value}"))


def read_git_output(
    words: tuple[str, ...], variables: Mapping[str, str], seconds: float
) -> bytes | None:
    """Git's output with the given variables set; None if it fails or exceeds a limit."""
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
    """The user's environment without secrets, and without another repository set by a hook."""
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
