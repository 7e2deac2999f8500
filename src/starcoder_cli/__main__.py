"""`python -m starcoder_cli`, and what the installed command calls."""

import os
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import NoReturn

from starcoder_cli.cli import main
from starcoder_cli.errors import ExitCode


class Ended(BaseException):
    """The process was asked to end by a signal other than Ctrl-C."""


def run() -> NoReturn:
    """Run the command line; a signal that ended it ends the process too, after clean-up.

    So a shell that runs a loop of our commands sees the signal, and stops as well.
    """
    for descriptor in (0, 1, 2):
        ensure_open(descriptor)
    ending: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        ending.append(number)
        raise Ended

    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) == signal.SIG_DFL:
            signal.signal(getattr(signal, name), end)
    try:
        code = main()
    except Ended:
        code = ExitCode.INTERRUPTED
    if code == ExitCode.INTERRUPTED:
        number = ending[0] if ending else signal.SIGINT
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    exit_at_once(code)


def exit_at_once(code: int) -> NoReturn:
    """End the process at once: only memory is left to tidy, and engines take seconds for that."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with suppress(OSError, ValueError):
                stream.flush()
    os._exit(code)


def ensure_open(descriptor: int) -> None:
    """Keep the number of a standard stream that is closed from going to a file that we open."""
    try:
        os.fstat(descriptor)
    except OSError:
        os.open(os.devnull, os.O_RDWR)


if __name__ == "__main__":
    run()
