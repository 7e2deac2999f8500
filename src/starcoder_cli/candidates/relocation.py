"""Rewrites paths of a tree to those of its copy, in a variable's value or a command for `sh`.

Left as they are, they would lead what runs in the copy to the user's own files.
"""

import os
import re
import shlex
from pathlib import Path

from starcoder_cli.files.worktree import real_path
from starcoder_cli.settings import home_dir

PYTHON_ENVIRONMENT_FILES = ("pyvenv.cfg", "conda-meta")

PATH_SEPARATOR = re.compile(f"([;{os.pathsep}])")  # LUA_PATH has semicolons everywhere
WILDCARD = re.compile(r"/[^/]*[?*].*", re.DOTALL)  # as in LUA_PATH and CLASSPATH

SHELL_WORD = re.compile(r"""(?:\\.|'[^']*'|"(?:\\.|[^"\\])*"|[^\s;|&()<>`'"\\])+""", re.DOTALL)
SHELL_WORD_PART = re.compile(
    r"""\\(?P<escaped>.)|'(?P<single>[^']*)'|"(?P<double>(?:\\.|[^"\\])*)"|(?P<plain>[^'"\\]+)""",
    re.DOTALL,
)
ESCAPED = re.compile(r"\\([$`\"\\\n])")
BETWEEN_PATHS = re.compile(r"([=:,])")
BETWEEN_WORDS = r"\s'\"`;|&()<>=:,"
HOME_VARIABLE = r"\$HOME\b|\$\{HOME\}"
HOME = rf"~|{HOME_VARIABLE}"


def relocate_command(text: str, root: Path, copy: Path) -> str:
    """A shell command with the absolute paths in the tree replaced by those in its copy.

    A path may begin with `~` or `$HOME`, and follow a one-letter flag. Of one that is quoted in
    part, or has escaped characters, the whole word is written anew.
    """
    moved = relocate_words(text, root, copy)
    return SHELL_WORD.sub(lambda word: relocate_quoted(word.group(), root, copy), moved)


def relocate_words(text: str, root: Path, copy: Path) -> str:
    """A command with those paths replaced that are written without a break in their quotes."""
    start = rf"(?<![^{BETWEEN_WORDS}])(?P<flag>-[A-Za-z])?"
    path = rf"(?P<path>{re.escape(str(root))}(?![^/{BETWEEN_WORDS}])|(?P<home>{HOME})?/)"
    word = re.compile(rf"{start}{path}(?P<rest>[^{BETWEEN_WORDS}]*)")

    def relocate(match: re.Match[str]) -> str:
        named = match["path"] + match["rest"]
        full = named.replace(match["home"], str(home_dir()), 1) if match["home"] else named
        moved = relocate_path(full, root, copy)
        return match.group() if moved == full else (match["flag"] or "") + moved

    return word.sub(relocate, text)


def relocate_quoted(word: str, root: Path, copy: Path) -> str:
    """A word of a shell command, if it is quoted, with the paths in its value replaced.

    A value with white space may be a command for another shell.
    """
    value = unquote(word) if re.search(r"['\"\\]", word) else None
    if value is None:
        return word
    parts = (relocate_path(part, root, copy) for part in BETWEEN_PATHS.split(value))
    moved = "".join(parts)
    if moved == value and re.search(r"\s", value):
        moved = relocate_command(value, root, copy)
    elif moved == value and "$" not in value:
        moved = relocate_words(value, root, copy)
    return word if moved == value else shlex.quote(moved)


def unquote(word: str) -> str | None:
    """What the shell makes of a word; None if that takes more than the home folder."""
    value = ""
    for part in SHELL_WORD_PART.finditer(word):
        text = part["plain"] or part["double"] or ""
        text = re.sub(HOME if part["plain"] and not value else HOME_VARIABLE, str(home_dir()), text)
        if re.search(r"(?<!\\)[$`]", text):
            return None
        value += (part["escaped"] or part["single"] or "") + ESCAPED.sub(r"\1", text)
    return value


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
