"""A trial in a process of its own: what one model leaves behind does not distort another.

The process is this program. It writes lines of JSON: what it is doing, notes, and in the end its
figures; an error is told as any other command tells one.
"""

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from starcoder_cli.benchmark.measure import Figure, Trial
from starcoder_cli.errors import ExitCode, StarcoderError
from starcoder_cli.system.processes import end
from starcoder_cli.terminal.output import write_json

if TYPE_CHECKING:
    from subprocess import Popen

ERROR = "error: "

Hear = Callable[[str, str], None]
"""Is given a kind (`doing`, `note` or `detail`) and a text."""


class FailedError(StarcoderError):
    """What went wrong in the process, with its exit code or one that says how it ended."""

    def __init__(self, message: str, hint: str = "", code: int = ExitCode.BUG) -> None:
        super().__init__(message, hint)
        self.exit_code = ExitCode(code)


@dataclass(frozen=True)
class Measured:
    """The figures of a trial, and the name of the model, as it turned out."""

    model: str
    trial: Trial


def run(words: Sequence[str], hear: Hear) -> Measured:
    """Run the program with these words, to its figures; whatever ends this ends the process.

    Raises FailedError for what it says that is wrong, and where it was killed.
    """
    with started(words) as (process, errors):
        measured = None
        assert process.stdout
        for line in process.stdout:
            told = record(line)
            for kind in ("doing", "note", "detail"):
                if kind in told:
                    hear(kind, str(told[kind]))
            measured = figures(told) or measured
        code = process.wait()
        if code == 0 and measured:
            return measured
        errors.seek(0)
        raise failure(code, errors.read().decode("utf-8", "replace"))


@contextmanager
def started(words: Sequence[str]) -> "Iterator[tuple[Popen[bytes], BinaryIO]]":
    """The process, and what it writes to standard error; it is killed at the end of the body.

    Ctrl-C at a terminal reaches the body alone. What it keeps in files goes with it.
    """
    import subprocess
    import tempfile

    with (
        tempfile.TemporaryDirectory(prefix="starcoder-", ignore_cleanup_errors=True) as folder,
        (Path(folder) / "errors").open("w+b") as errors,
        subprocess.Popen(
            [sys.executable, "-P", "-m", "starcoder_cli", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, "TMPDIR": folder},
            start_new_session=True,
        ) as process,
    ):
        try:
            yield process, errors
        finally:
            end(process)


def failure(code: int, errors: str) -> FailedError:
    """What is wrong with a process that ended so."""
    if code == -signal.SIGKILL:
        return FailedError(
            "its process was killed, as the system does where memory runs out",
            "end other programs, or choose a smaller model",
            ExitCode.MACHINE,
        )
    if code < 0:
        name = signal.Signals(-code).name
        return FailedError(f"its process ended by {name}", "try another engine", ExitCode.MACHINE)
    said = [line for line in errors.splitlines() if line.startswith(ERROR)]
    if said and code in list(ExitCode):
        return FailedError(said[-1].removeprefix(ERROR), code=code)
    return FailedError("this is a bug: its process ended without figures", "please report it")


def record(line: bytes) -> Mapping[str, object]:
    """The object in a line; an empty one for what a library may have printed."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def figures(told: Mapping[str, object]) -> Measured | None:
    """The figures in a record; None where it has none."""
    rows = told.get("figures")
    if not isinstance(rows, list):
        return None
    trial = {Figure(str(name), int(length)): float(value) for name, length, value in rows}
    return Measured(str(told["model"]), trial)


def tell(kind: str, text: str) -> None:
    """Tell the process that waits what is going on."""
    write_json({kind: text})


def tell_figures(measured: Measured) -> None:
    """Tell it what was measured."""
    rows = [[name, length, value] for (name, length), value in measured.trial.items()]
    write_json({"model": measured.model, "figures": rows})


def end_with_starter() -> None:
    """End this process as soon as the one that started it has ended, whatever ended that."""

    def wait() -> None:
        sys.stdin.buffer.read()
        os._exit(ExitCode.INTERRUPTED)

    threading.Thread(target=wait, daemon=True).start()
