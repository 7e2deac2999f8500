"""`python -m starcoder_cli`, also the entry point of the installed command."""

import os
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import NoReturn

from starcoder_cli.cli import main
from starcoder_cli.errors import ExitCode


class Ended(SystemExit):
    """The process was asked to end by a signal other than Ctrl-C.

    asyncio lets no other exception than SystemExit and KeyboardInterrupt out of a callback.
    """


def run() -> NoReturn:
    """Run the command line; after clean-up, a signal that ended it also ends the process.

    This way a shell looping over our commands sees the signal and stops too.
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
    code = int(ExitCode.INTERRUPTED)
    with suppress(Ended):
        code = main()
    if ending or code == ExitCode.INTERRUPTED:
        number = ending[0] if ending else signal.SIGINT
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    exit_at_once(code)


def exit_at_once(code: int) -> NoReturn:
    """End the process at once: only memory is left to free, and engines take seconds for that."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with suppress(OSError, ValueError):
                stream.flush()
    os._exit(code)


def ensure_open(descriptor: int) -> None:
    """Open a closed standard stream on the null device, so that no file of ours gets its number."""
    try:
        os.fstat(descriptor)
    except OSError:
        os.open(os.devnull, os.O_RDWR)


if __name__ == "__main__":
    run()
