"""Whether a shell command of the user's passes with an answer in its place.

The command runs in a copy of the tree around the file, so that what it writes to its own tree
changes nothing of the user's. That is not a sandbox: tests execute what a model wrote, with all the
rights of the user. Secrets in the environment are withheld from it.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from starcoder_cli.candidates import copied_imports
from starcoder_cli.candidates.read_watch import watch_reads
from starcoder_cli.candidates.relocation import relocate_command, relocate_value
from starcoder_cli.errors import InputError, UsageError
from starcoder_cli.files.secrets import is_secret_variable
from starcoder_cli.files.worktree import WorkTree
from starcoder_cli.sandbox.supervise import end_supervised, supervised_command
from starcoder_cli.system.programs import find_program
from starcoder_cli.system.signals import defer_signals
from starcoder_cli.system.temporary import temporary_folder

if TYPE_CHECKING:
    from subprocess import Popen

MAX_TAIL_LINES = 10
MAX_TAIL_BYTES = 1 << 14
EXCLUDED_VARIABLES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "OLDPWD")
PYTHON_PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg")

ASSIGNMENT = re.compile(r"\w+=")
PLAIN_WORD = re.compile(r"[\w./@%+,:-]+")
CANNOT_EXECUTE, NOT_FOUND = 126, 127  # what a shell exits with, according to POSIX

RELATIVE_HINT = "name paths relative to the repository, and keep PYTHONPATH"

WriteLine = Callable[[str], None]


@dataclass(frozen=True)
class VerifyCommand:
    """A command for `sh`, the tree that it checks, and how many seconds it may take.

    Paths of the tree in it are replaced by those of the copy that it runs in.
    """

    text: str
    tree: WorkTree
    seconds: float

    def passes(self, data: bytes, write_line: WriteLine | None = None) -> bool:
        """Whether the command exits with 0 if the file has these bytes.

        `write_line` gets its last lines, and why it failed. However this ends, the command and all
        that it has started are killed, and the copy is removed. Raises InputError if the program
        that it begins with is not in the copy, or if it passes with the file itself or without it.
        """
        with temporary_folder() as folder:
            copy = folder / "tree" / (self.tree.root.name or "copy")
            self.tree.copy_to(copy, data)
            write_customization(customization_folder(copy), self.tree.root, copy)
            original, tested = (root / self.tree.file for root in (self.tree.root, copy))
            with watch_reads(original) as watch, watch_reads(tested) as tested_watch:
                is_passed = self._run(copy, write_line)
                if is_passed and watch.was_read():
                    raise InputError(
                        f"the command reads {original} itself, and not the copy that it is to test",
                        RELATIVE_HINT,
                    )
                if is_passed and tested_watch.was_read() is False:
                    raise InputError(
                        f"the command passes without reading {self.tree.file}", RELATIVE_HINT
                    )
            return is_passed

    def _run(self, copy: Path, write_line: WriteLine | None) -> bool:
        process, exit_code = None, None
        try:
            with defer_signals():
                process = self._start(copy, write_line is not None)
            tail = OutputTail(process) if write_line else None
            exit_code = wait_for_exit(process, self.seconds)
        finally:
            if process:
                end_supervised(process)
        if write_line and tail:
            report_exit(write_line, tail.lines(), exit_code, self.seconds)
        if exit_code in (CANNOT_EXECUTE, NOT_FOUND):
            self._require_program(copy)
        return exit_code == 0

    def _require_program(self, copy: Path) -> None:
        program = first_program(self.text)
        if program and not has_program(program, copy / self.tree.working_folder):
            raise InputError(f"cannot run {program} in a copy", "is it in the repository?")

    def _start(self, copy: Path, capture_output: bool) -> "Popen[bytes]":
        import subprocess

        return subprocess.Popen(
            supervised_command((shell(), "-c", relocate_command(self.text, self.tree.root, copy))),
            cwd=copy / self.tree.working_folder,
            env=build_verify_environment(self.tree, copy),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if capture_output else subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def wait_for_exit(process: "Popen[bytes]", seconds: float) -> int | None:
    """The exit code of a process, or None if it takes longer."""
    from subprocess import TimeoutExpired

    try:
        return process.wait(seconds)
    except TimeoutExpired:
        return None


def check_command(text: str) -> None:
    """Raise UsageError for what `sh` cannot parse, or what runs nothing; it is not run yet."""
    Path.cwd()  # raises FileNotFoundError if that folder is gone
    if not find_program("sh"):
        raise UsageError("there is no `sh` to verify with", "omit --verify")
    if "\0" in text:
        raise UsageError("the command to verify with has a null character", "remove it")
    if complaint := ask_shell("-n", "-c", text):
        raise UsageError(f"{text!r} is not a command: {complaint}", "it is read as by `sh -c`")
    program = first_program(text)
    if program == "":
        raise UsageError("the command to verify with is empty", "name one, such as 'pytest -q'")
    if program and not has_program(program, Path()):
        raise UsageError(
            f"there is no command {program!r}", "verify with one that runs, such as 'pytest -q'"
        )


def first_program(text: str) -> str | None:
    """The program a shell command begins with: "" for none, None if only a shell can tell."""
    import shlex

    words = shlex.shlex(text, posix=True, punctuation_chars=True)
    words.whitespace_split = True
    try:
        program = next((word for word in words if not ASSIGNMENT.match(word)), "")
    except ValueError:  # what `sh` parses differently, such as a text in the command
        return None
    return program if not program or PLAIN_WORD.fullmatch(program) else None


def has_program(program: str, folder: Path) -> bool:
    """Whether a shell in a folder finds a program, or has it built in."""
    return not ask_shell("-c", 'command -v -- "$0" > /dev/null || echo no', program, folder=folder)


def shell() -> str:
    """The path of the shell that reads commands."""
    return find_program("sh") or "/bin/sh"


def ask_shell(*arguments: str, folder: Path | None = None) -> str:
    """The last line that `sh` prints."""
    import subprocess

    asked = subprocess.run(
        (shell(), *arguments),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return asked.stdout.decode("utf-8", "replace").strip().rpartition("\n")[2]


def build_verify_environment(tree: WorkTree, copy: Path) -> Mapping[str, str]:
    """The user's environment for a command in the copy, without secrets.

    Paths of the tree become those of its copy, so that PATH and the like do not lead to the user's
    own files. A Python project's own folder comes first for Python, preceded by `copied_imports`:
    otherwise an editable installation would import the user's files and not the copy's.
    """
    variables = {
        name: relocate_value(value, tree.root, copy)
        for name, value in os.environ.items()
        if name not in EXCLUDED_VARIABLES and not is_secret_variable(name, value)
    }
    python_path = [folder for folder in variables.pop("PYTHONPATH", "").split(os.pathsep) if folder]
    paths = [
        str(customization_folder(copy)),
        *find_python_folders(copy, copy / tree.file),
        *python_path,
    ]
    python_variables = {"PYTHONPATH": os.pathsep.join(paths)}
    return {**variables, **python_variables, "PWD": str(copy / tree.working_folder)}


def customization_folder(copy: Path) -> Path:
    """The folder with `sitecustomize` of a copy; beside that, it could have the same name."""
    return copy.parent.parent / "python"


def write_customization(folder: Path, root: Path, copy: Path) -> None:
    """Write the folder with `sitecustomize`, which Python imports before anything else."""
    folder.mkdir()
    text = Path(copied_imports.__file__).read_text(encoding="utf-8")
    text += f"\n\nrelocate_imports({str(root)!r}, {str(copy)!r})\n"
    text += f"run_next_customization({str(folder)!r})\n"
    (folder / "sitecustomize.py").write_text(text, encoding="utf-8", errors="surrogateescape")


def find_python_folders(copy: Path, file: Path) -> list[str]:
    """The folder where Python finds the modules of the project that a file is in."""
    for folder in file.parents:
        if any((folder / name).is_file() for name in PYTHON_PROJECT_FILES):
            source = folder / "src"
            return [str(source if source.is_dir() else folder)]
        if folder == copy:
            break
    return []


class OutputTail:
    """The end of a process's output, read as it comes."""

    def __init__(self, process: "Popen[bytes]") -> None:
        import threading

        self._output = b""
        self._stream = process.stdout
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def lines(self) -> list[str]:
        """The last lines; a process that outlived its group is not waited for."""
        self._thread.join(1.0)
        return self._output.decode("utf-8", "replace").splitlines()[-MAX_TAIL_LINES:]

    def _read(self) -> None:
        assert self._stream is not None
        with self._stream as stream:
            while data := os.read(stream.fileno(), 65536):
                self._output = (self._output + data)[-MAX_TAIL_BYTES:]


def report_exit(
    write_line: WriteLine, lines: list[str], exit_code: int | None, seconds: float
) -> None:
    """Report how a command ended, after the last lines of its output."""
    for line in lines:
        write_line(f"| {line}")
    write_line(f"not done within {seconds:g} s" if exit_code is None else f"exit code {exit_code}")
