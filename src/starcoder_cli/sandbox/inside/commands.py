"""The side of a program in another language: its files are written, and commands run one by one.

This process stays outside of what it starts, which cannot read its memory or trace it. It reports
the exit code of each command in a line of JSON on a pipe that no command has.
"""

import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TypedDict, cast

from starcoder_cli.sandbox.inside.confine import Confinement, confine
from starcoder_cli.sandbox.inside.kernel import (
    CHILD_SUBREAPER,
    DUMPABLE,
    PARENT_DEATH_SIGNAL,
    prctl,
)

NOT_STARTED = 127
MOST_DESCRIPTORS = 256


class Step(TypedDict):
    """A command, its standard input, and what it is allowed."""

    command: list[str]
    input: str
    confinement: Confinement


def main() -> None:
    """Run the steps of the job on standard input until one fails; their output goes to a pipe."""
    job = json.load(sys.stdin)
    prctl(DUMPABLE, 0)
    prctl(CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, leave)
    prctl(PARENT_DEATH_SIGNAL, signal.SIGTERM)
    Path(os.environ["TMPDIR"]).mkdir()
    for name, text in job["files"].items():
        Path(name).write_bytes(text.encode("utf-8", "surrogatepass"))
    for path in (".", os.environ["TMPDIR"], *job["files"]):
        if job["user"] is not None:
            os.chown(path, job["user"], job["user"])
    for step in cast(list[Step], job["steps"]):
        code = run(step, job["writes"])
        os.write(1, json.dumps(code).encode("ascii") + b"\n")
        if code:
            break


def run(step: Step, output: int) -> int:
    """The exit code of a step, or the number of the signal that ended it, negative."""
    reads, writes = os.pipe()
    os.write(writes, step["input"].encode("ascii"))
    os.close(writes)
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        become(step, reads, output)
    os.close(reads)
    try:
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    finally:
        code = end(child)
    return code


def leave(number: int, frame: object) -> None:
    """End this process, and with it what it has started."""
    signal.signal(number, signal.SIG_IGN)
    raise SystemExit


def end(child: int) -> int:
    """Kill a process and all of its group, which nothing can leave; the exit code of the first."""
    with suppress(PermissionError, ProcessLookupError):
        os.setpgid(child, child)
    os.killpg(child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with suppress(ChildProcessError):
        while True:
            os.wait()
    return code


def become(step: Step, reads: int, output: int) -> None:
    """Turn this process into a step's command; it never returns."""
    try:
        for number, source in enumerate((reads, output, output)):
            os.dup2(source, number)
        os.closerange(3, MOST_DESCRIPTORS)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        confine(step["confinement"])
        os.execv(step["command"][0], step["command"])
    except BaseException as error:
        os.write(2, f"cannot run {step['command'][0]}: {error}\n".encode("utf-8", "replace"))
    os._exit(NOT_STARTED)
