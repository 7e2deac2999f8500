"""Signals that end the program: kept back, or let through where native code runs."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM")


@contextmanager
def deferred() -> Iterator[None]:
    """A signal that would end the program waits for the end of the body; a second does not wait.

    Python runs handlers in the main thread alone: in another there is nothing to keep back.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in ENDING if hasattr(signal, name)]
    # What is ignored stays so, and a handler that is not Python's could not be put back.
    handlers = {number: signal.getsignal(number) for number in numbers}
    ours = {number: old for number, old in handlers.items() if old not in (None, signal.SIG_IGN)}
    held: list[int] = []

    def restore() -> None:
        for number, handler in ours.items():
            signal.signal(number, handler)

    def hold(number: int, frame: FrameType | None) -> None:
        held.append(number)
        if len(held) > 1:
            restore()
            signal.raise_signal(number)

    try:
        for number in ours:
            signal.signal(number, hold)
        yield
    finally:
        restore()
        for number in held[:1]:
            signal.raise_signal(number)


@contextmanager
def native_interrupts() -> Iterator[None]:
    """Let Ctrl-C end the process at once while native code holds the interpreter.

    Nothing has been printed then, and nothing is being written.
    """
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
