"""Small projects on disk: files, and git repositories of them."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

IDENTITY = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
LONG_AGO = 1_000_000_000


def lay(folder: Path, files: Mapping[str, str]) -> Path:
    """Files in a folder, all of them changed long ago."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        os.utime(path, (LONG_AGO, LONG_AGO))
    return folder


def git(folder: Path, *words: str) -> None:
    """Run a git command in a folder."""
    subprocess.run(["git", "-C", folder, *IDENTITY, *words], check=True, capture_output=True)


def repository(folder: Path, files: Mapping[str, str]) -> Path:
    """A git repository with one commit of these files."""
    folder.mkdir(exist_ok=True)
    git(folder, "init", "-q")
    lay(folder, files)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "all", "--allow-empty")
    return folder
