"""The side of a program in another language: writes its files and runs commands one by one.

This process stays separate from what it starts, which cannot read its memory or trace it. It
reports the exit code of each command in a line of JSON on a pipe that no command has.
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
    PR_SET_CHILD_SUBREAPER,
    PR_SET_DUMPABLE,
    PR_SET_PDEATHSIG,
    prctl,
)

NOT_STARTED = 127
MAX_DESCRIPTORS = 256


class CommandStep(TypedDict):
    """A command, its standard input, and what it is allowed."""

    command: list[str]
    input: str
    confinement: Confinement


def main() -> None:
    """Run the steps of the job on standard input until one fails; their output goes to a pipe."""
    job = json.load(sys.stdin)
    prctl(PR_SET_DUMPABLE, 0)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, exit_on_signal)
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if job.get("parent") not in (None, os.getppid()):
        os._exit(NOT_STARTED)
    Path(os.environ["TMPDIR"]).mkdir()
    for name, text in job["files"].items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(text.encode("utf-8", "surrogatepass"))
    for path in (Path(), *Path().rglob("*")):
        if job["user"] is not None:
            os.chown(path, job["user"], job["user"])
    for step in cast(list[CommandStep], job["steps"]):
        exit_code = run_step(step, job["writes"])
        os.write(1, json.dumps(exit_code).encode("ascii") + b"\n")
        if exit_code:
            break


def run_step(step: CommandStep, output_fd: int) -> int:
    """Run a step; return its exit code, or the negated number of the signal that ended it."""
    read_end, write_end = os.pipe()
    os.write(write_end, step["input"].encode("ascii"))
    os.close(write_end)
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        exec_step(step, read_end, output_fd)
    os.close(read_end)
    try:
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    finally:
        exit_code = kill_process_group(child)
    return exit_code


def exit_on_signal(number: int, frame: object) -> None:
    """End this process, and with it what it has started."""
    signal.signal(number, signal.SIG_IGN)
    raise SystemExit


def kill_process_group(child: int) -> int:
    """Kill a process and its group, which nothing can leave; return the first one's exit code."""
    with suppress(PermissionError, ProcessLookupError):
        os.setpgid(child, child)
    os.killpg(child, signal.SIGKILL)
    exit_code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with suppress(ChildProcessError):
        while True:
            os.wait()
    return exit_code


def exec_step(step: CommandStep, input_fd: int, output_fd: int) -> None:
    """Turn this process into a step's command; it never returns."""
    try:
        for target_fd, source_fd in enumerate((input_fd, output_fd, output_fd)):
            os.dup2(source_fd, target_fd)
        os.closerange(3, MAX_DESCRIPTORS)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        confine(step["confinement"])
        os.execv(step["command"][0], step["command"])
    except BaseException as error:  # the last frame of this process
        os.write(2, f"cannot run {step['command'][0]}: {error}\n".encode("utf-8", "replace"))
    os._exit(NOT_STARTED)
