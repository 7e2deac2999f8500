"""Whether a command of the user's passes with an answer in its place.

The command runs in a copy of the tree around the file, so that nothing of the user's is changed by
what it writes to its own tree. That is no sandbox: tests execute what a model wrote, with all that
their user may do. Secrets in the environment are kept from it.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from starcoder_cli.errors import InputError, UsageError
from starcoder_cli.files.worktree import Tree
from starcoder_cli.system.processes import end
from starcoder_cli.system.signals import deferred

if TYPE_CHECKING:
    from subprocess import Popen

LINES = 10
KEPT = 1 << 14
SECRET = re.compile(
    r"SECRET|(TOKENS?|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|KEY|KEY_ID|_PAT|AUTH_SOCK)$", re.I
)
PASSWORD = re.compile(r"://[^/\s@]*:[^/\s@]+@")
REPOSITORY = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "OLDPWD")
PROJECT = ("pyproject.toml", "setup.py", "setup.cfg")

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Command:
    """A command, the tree that it checks, and how many seconds it may take."""

    words: tuple[str, ...]
    tree: Tree
    seconds: float

    def passes(self, data: bytes, tell: Tell | None = None) -> bool:
        """Whether the command exits with 0 where the file has these bytes.

        `tell` is given its last lines, and why it failed. Whatever ends this, the command and what
        it started are killed, and the copy is removed.
        """
        import tempfile

        with tempfile.TemporaryDirectory(prefix="starcoder-", ignore_cleanup_errors=True) as folder:
            copy = Path(folder).resolve() / (self.tree.root.name or "copy")
            self.tree.copy(copy, data)
            return self._run(copy, tell)

    def _run(self, copy: Path, tell: Tell | None) -> bool:
        process, code = None, None
        try:
            with deferred():
                process = self._start(copy, tell is not None)
            tail = Tail(process) if tell else None
            code = ended(process, self.seconds)
        finally:
            if process:
                end(process)
        if tell and tail:
            report(tell, tail.lines(), code, self.seconds)
        return code == 0

    def _start(self, copy: Path, told: bool) -> "Popen[bytes]":
        import subprocess

        try:
            return subprocess.Popen(
                self.words,
                cwd=copy / self.tree.folder,
                env=environment(self.tree, copy),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if told else subprocess.DEVNULL,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise InputError(
                f"cannot run {self.words[0]}: {error.strerror}", "is it in the repository?"
            ) from error


def ended(process: "Popen[bytes]", seconds: float) -> int | None:
    """The exit code of a process; None where it takes longer."""
    from subprocess import TimeoutExpired

    try:
        return process.wait(seconds)
    except TimeoutExpired:
        return None


def split(text: str) -> tuple[str, ...]:
    """The words of a command, by a shell's rules for quotes; no shell reads anything else in it.

    Raises UsageError for a command that is not there.
    """
    import shlex
    import shutil

    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise UsageError(f"{text!r} is no command: {error}", "close what is open") from error
    if not words:
        raise UsageError("the command to verify with is empty", "name one, such as 'pytest -q'")
    if not shutil.which(words[0]):
        raise UsageError(
            f"there is no command {words[0]!r}", "verify with one that runs, such as 'pytest -q'"
        )
    return words


def environment(tree: Tree, copy: Path) -> Mapping[str, str]:
    """The user's environment for a command in the copy, without secrets.

    A Python project's own folder comes first for Python: an editable installation would import
    the user's files and not those of the copy.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not SECRET.search(name) and not PASSWORD.search(value) and name not in REPOSITORY
    }
    given = [folder for folder in kept.pop("PYTHONPATH", "").split(os.pathsep) if folder]
    paths = [str(moved(Path(folder), tree.root, copy)) for folder in given]
    paths = [*python_folders(copy, copy / tree.file), *paths]
    found = {"PYTHONPATH": os.pathsep.join(paths)} if paths else {}
    return {**kept, **found, "PWD": str(copy / tree.folder)}


def moved(path: Path, root: Path, copy: Path) -> Path:
    """Where a path of the tree is in its copy; any other path as it is."""
    return copy / path.relative_to(root) if path.is_relative_to(root) else path


def python_folders(copy: Path, file: Path) -> list[str]:
    """Where Python finds the modules of the project that a file is in."""
    for folder in file.parents:
        if any((folder / name).is_file() for name in PROJECT):
            source = folder / "src"
            return [str(source if source.is_dir() else folder)]
        if folder == copy:
            break
    return []


class Tail:
    """The end of what a process says, read as it comes."""

    def __init__(self, process: "Popen[bytes]") -> None:
        import threading

        self._said = b""
        self._stream = process.stdout
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def lines(self) -> list[str]:
        """The last lines; a process that outlived its group is not waited for."""
        self._thread.join(1.0)
        return self._said.decode("utf-8", "replace").splitlines()[-LINES:]

    def _read(self) -> None:
        assert self._stream is not None
        with self._stream as stream:
            while data := os.read(stream.fileno(), 65536):
                self._said = (self._said + data)[-KEPT:]


def report(tell: Tell, lines: list[str], code: int | None, seconds: float) -> None:
    """Say how a command ended, after what it said last."""
    for line in lines:
        tell(f"| {line}")
    tell(f"not done within {seconds:g} s" if code is None else f"exit code {code}")
