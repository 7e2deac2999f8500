"""A measurement in a process of its own, so that what one model leaves does not distort another.

The process is this program. It writes lines of JSON: what it is doing, notes, and finally its
result; an error is reported as any other command reports one.
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

from starcoder_cli.benchmark.measure import BenchmarkMetric, Measurement
from starcoder_cli.errors import ExitCode, StarcoderError
from starcoder_cli.system.processes import kill_and_wait
from starcoder_cli.terminal.output import write_json

if TYPE_CHECKING:
    from subprocess import Popen

ERROR_PREFIX = "error: "

MessageHandler = Callable[[str, str], None]
"""Receives a kind (`doing`, `note` or `detail`) and a text."""


class WorkerError(StarcoderError):
    """What went wrong in the process, with its exit code or one that says how it ended."""

    def __init__(self, message: str, hint: str = "", code: int = ExitCode.BUG) -> None:
        super().__init__(message, hint)
        self.exit_code = ExitCode(code)


@dataclass(frozen=True)
class WorkerResult:
    """What was measured, and the full name of the model."""

    model: str
    measurement: Measurement


def run_worker(arguments: Sequence[str], on_message: MessageHandler) -> WorkerResult:
    """Run the program with these arguments and return its result; it never outlives this call.

    Raises WorkerError for any error it reports, and if it was killed.
    """
    with worker_process(arguments) as (process, errors):
        result = None
        assert process.stdout
        for line in process.stdout:
            fields = parse_record(line)
            for kind in ("doing", "note", "detail"):
                if kind in fields:
                    on_message(kind, str(fields[kind]))
            result = parse_result(fields) or result
        code = process.wait()
        if code == 0 and result:
            return result
        errors.seek(0)
        raise error_from_exit(code, errors.read().decode("utf-8", "replace"))


@contextmanager
def worker_process(arguments: Sequence[str]) -> "Iterator[tuple[Popen[bytes], BinaryIO]]":
    """The process, and what it writes to standard error; it is killed at the end of the body.

    Ctrl-C at a terminal reaches only the body. Temporary files of the process are removed with it.
    """
    import subprocess
    import tempfile

    with (
        tempfile.TemporaryDirectory(prefix="starcoder-", ignore_cleanup_errors=True) as folder,
        (Path(folder) / "errors").open("w+b") as errors,
        subprocess.Popen(
            [sys.executable, "-P", "-m", "starcoder_cli", *arguments],
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
            kill_and_wait(process)


def error_from_exit(code: int, errors: str) -> WorkerError:
    """The error of a process that ended with this exit code."""
    if code == -signal.SIGKILL:
        return WorkerError(
            "its process was killed, as the system does where memory runs out",
            "end other programs, or choose a smaller model",
            ExitCode.MACHINE,
        )
    if code < 0:
        name = signal.Signals(-code).name
        return WorkerError(f"its process ended by {name}", "try another engine", ExitCode.MACHINE)
    error_lines = [line for line in errors.splitlines() if line.startswith(ERROR_PREFIX)]
    if error_lines and code in list(ExitCode):
        return WorkerError(error_lines[-1].removeprefix(ERROR_PREFIX), code=code)
    return WorkerError("this is a bug: its process ended without figures", "please report it")


def parse_record(line: bytes) -> Mapping[str, object]:
    """The JSON object in a line; empty for anything a library may have printed."""
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def parse_result(fields: Mapping[str, object]) -> WorkerResult | None:
    """The result in a record, or None if it has none."""
    rows = fields.get("figures")
    if not isinstance(rows, list):
        return None
    measurement = {
        BenchmarkMetric(str(name), int(length)): float(value) for name, length, value in rows
    }
    return WorkerResult(str(fields["model"]), measurement)


def send_message(kind: str, text: str) -> None:
    """Send the parent process a message about what is going on."""
    write_json({kind: text})


def send_result(result: WorkerResult) -> None:
    """Send the parent process what was measured."""
    rows = [[name, length, value] for (name, length), value in result.measurement.items()]
    write_json({"model": result.model, "figures": rows})


def exit_with_parent() -> None:
    """End this process as soon as the one that started it has ended, for whatever reason."""

    def wait_for_parent() -> None:
        sys.stdin.buffer.read()
        os._exit(ExitCode.INTERRUPTED)

    threading.Thread(target=wait_for_parent, daemon=True).start()
