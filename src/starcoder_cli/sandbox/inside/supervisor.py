"""Runs one command, and at the end kills all that it has started, in whatever session that is.

Orphans become children of this process (prctl(2), PR_SET_CHILD_SUBREAPER), so that nothing below
it can escape. It ends early on SIGTERM, and when its own parent ends.
"""

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from starcoder_cli.sandbox.inside.kernel import PR_SET_CHILD_SUBREAPER, PR_SET_PDEATHSIG, prctl

NOT_STARTED = 127
SIGNAL_CODE_BASE = 128  # what a shell adds to the number of the signal that ended a command
PAUSE_SECONDS = 0.002


def main() -> None:
    """Run the command given after the parent's number, and exit with its exit code."""
    parent, *command = sys.argv[1:]
    signal.signal(signal.SIGTERM, exit_on_signal)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):
        os._exit(NOT_STARTED)
    exit_code = NOT_STARTED
    try:
        child = os.fork()
        if child == 0:
            exec_command(command)
        status = os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        if status:
            ended = status.si_code == os.CLD_EXITED
            exit_code = status.si_status + (0 if ended else SIGNAL_CODE_BASE)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        end_descendants()
    os._exit(exit_code)


def exit_on_signal(number: int, frame: object) -> None:
    """End this process, and with it what it has started."""
    signal.signal(number, signal.SIG_IGN)
    raise SystemExit(SIGNAL_CODE_BASE + number)


def exec_command(command: list[str]) -> None:
    """Turn this process into a command in a session of its own; it never returns."""
    try:
        os.setsid()
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.execvp(command[0], command)
    finally:
        os._exit(NOT_STARTED)


def end_descendants() -> None:
    """Kill the descendants of this process until there are none."""
    while True:
        for process in list_descendants(os.getpid()):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(PAUSE_SECONDS)


def list_descendants(process: int) -> list[int]:
    """All descendants of a process."""
    found, waiting = list[int](), [process]
    while waiting:
        children = list_children(waiting.pop())
        found += children
        waiting += children
    return found


def list_children(process: int) -> list[int]:
    """The children of a process."""
    try:
        texts = [path.read_text() for path in Path(f"/proc/{process}/task").glob("*/children")]
    except OSError:
        return []
    return [int(number) for text in texts for number in text.split()]
