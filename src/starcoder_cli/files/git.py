"""What git knows of a repository: which files belong to it, and which changed lately.

Only commands that read git's own files are run: whatever compares files of the working tree may
start filters that the repository names. Nothing of a repository's settings is run either, nothing
is fetched, and nothing waits.
"""

import os
from collections.abc import Mapping
from pathlib import Path

RECENT_COMMITS = 5

# An empty `core.fsmonitor` switches it off in every version; older ones take `false` for a program.
SAFE_GIT_OPTIONS = (
    *("-c", "core.fsmonitor=", "-c", "core.pager=cat", "-c", "core.hooksPath=/dev/null"),
    *("-c", "protocol.allow=never", "-c", "log.showSignature=false", "--no-pager"),
)


def list_files(root: Path, seconds: float) -> tuple[str, ...] | None:
    """The files of a repository that git does not ignore; None where git does not tell in time.

    Files that were never added are told where there is time for that.
    """
    untracked_too = ("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    files = run_git(root, untracked_too, seconds / 2)
    return (
        files if files is not None else run_git(root, ("ls-files", "-z", "--cached"), seconds / 2)
    )


def list_recently_committed(root: Path, seconds: float) -> tuple[str, ...]:
    """The files that the last commits changed, the latest first; none where git fails."""
    log_names = ("log", "-z", "--name-only", "--format=", "--no-renames", "--no-merges")
    log_options = ("--no-ext-diff", "--no-textconv", f"-n{RECENT_COMMITS}")
    return run_git(root, (*log_names, *log_options), seconds) or ()


def run_git(root: Path, arguments: tuple[str, ...], seconds: float) -> tuple[str, ...] | None:
    """What a git command answers, split at its NUL bytes; None where it fails or takes too long."""
    import subprocess

    try:
        result = subprocess.run(
            ("git", "-C", str(root), *SAFE_GIT_OPTIONS, *arguments),
            env=git_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            check=True,
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    names = (os.fsdecode(name.lstrip(b"\n")) for name in result.stdout.split(b"\0"))
    return tuple(dict.fromkeys(name for name in names if name))


def git_environment() -> Mapping[str, str]:
    """The user's environment without secrets, and without another repository that a hook names."""
    variables = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") and "TOKEN" not in name
    }
    quiet = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1"}
    return {**variables, **quiet, "GIT_ALLOW_PROTOCOL": "none"}
