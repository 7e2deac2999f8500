"""Termination signals: defer them, or let them through while native code runs."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

TERMINATION_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM")


@contextmanager
def defer_signals() -> Iterator[None]:
    """Defer a termination signal to the end of the body; a second one is not deferred.

    Python runs handlers only in the main thread: in another there is nothing to defer.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in TERMINATION_SIGNALS if hasattr(signal, name)]
    # Ignored signals stay ignored, and a handler that is not Python's could not be restored.
    handlers = {number: signal.getsignal(number) for number in numbers}
    replaced_handlers = {
        number: old for number, old in handlers.items() if old not in (None, signal.SIG_IGN)
    }
    received: list[int] = []

    def restore_handlers() -> None:
        for number, handler in replaced_handlers.items():
            signal.signal(number, handler)

    def on_signal(number: int, frame: FrameType | None) -> None:
        received.append(number)
        if len(received) > 1:
            restore_handlers()
            signal.raise_signal(number)

    try:
        for number in replaced_handlers:
            signal.signal(number, on_signal)
        yield
    finally:
        restore_handlers()
        for number in received[:1]:
            signal.raise_signal(number)


@contextmanager
def allow_native_interrupts() -> Iterator[None]:
    """Let Ctrl-C end the process at once while native code holds the interpreter.

    Use it only when nothing has been printed, and nothing is being written.
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
