"""Rewrites paths of a tree to those of its copy, in a variable's value or a command for `sh`.

Left as they are, they would lead what runs in the copy to the user's own files.
"""

import os
import re
from pathlib import Path

from starcoder_cli.files.worktree import real_path
from starcoder_cli.settings import home_dir

PYTHON_ENVIRONMENT_FILES = ("pyvenv.cfg", "conda-meta")

PATH_SEPARATOR = re.compile(f"([;{os.pathsep}])")  # LUA_PATH has semicolons everywhere
WILDCARD = re.compile(r"/[^/]*[?*].*", re.DOTALL)  # as in LUA_PATH and CLASSPATH

BETWEEN_WORDS = r"\s'\"`;|&()<>=:,"
HOME = r"~|\$HOME|\$\{HOME\}"


def relocate_command(text: str, root: Path, copy: Path) -> str:
    """A shell command with the absolute paths in the tree replaced by those in its copy.

    A path may begin with `~` or `$HOME`, and follow a one-letter flag.
    """
    start = rf"(?<![^{BETWEEN_WORDS}])(?P<flag>-[A-Za-z])?"
    path = rf"(?P<path>{re.escape(str(root))}(?![^/{BETWEEN_WORDS}])|(?P<home>{HOME})?/)"
    word = re.compile(rf"{start}{path}(?P<rest>[^{BETWEEN_WORDS}]*)")

    def relocate(match: re.Match[str]) -> str:
        named = match["path"] + match["rest"]
        full = named.replace(match["home"], str(home_dir()), 1) if match["home"] else named
        moved = relocate_path(full, root, copy)
        return match.group() if moved == full else (match["flag"] or "") + moved

    return word.sub(relocate, text)


def relocate_value(value: str, root: Path, copy: Path) -> str:
    """A variable's value with the paths in the tree replaced by those in its copy."""
    return "".join(relocate_path(part, root, copy) for part in PATH_SEPARATOR.split(value))


def relocate_path(text: str, root: Path, copy: Path) -> str:
    """Where a path of the tree is in its copy; unchanged if it is not there, or not such a path.

    A Python environment stays: its copy would have no interpreter.
    """
    fixed = WILDCARD.sub("", text).rstrip("/")
    path = real_path(fixed)
    is_path = os.path.isabs(fixed) and not fixed.startswith("//")  # noqa: PTH117 - else of a URL
    if not is_path or not path.is_relative_to(root):
        return text
    moved = copy / path.relative_to(root)
    if not os.path.exists(moved) or any(map(is_environment, (moved, moved.parent))):  # noqa: PTH110
        return text
    return str(moved) + text[len(fixed) :]


def is_environment(folder: Path) -> bool:
    """Whether a folder is an environment that Python packages are installed in."""
    return any((folder / name).exists() for name in PYTHON_ENVIRONMENT_FILES)
