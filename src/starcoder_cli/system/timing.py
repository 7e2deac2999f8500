"""What time it is, and a limit on how long a command may take."""

import _thread
import os
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from starcoder_cli.errors import ConfigError, TimeLimitError, UsageError

if TYPE_CHECKING:
    from datetime import datetime

UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


def duration(text: str) -> float:
    """The seconds in `90`, `30s`, `5m` or `1h`; -1 for `-1`, which means for ever.

    Raises UsageError for anything else.
    """
    found = re.fullmatch(r"(-1|[0-9]{1,7}(?:\.[0-9]{1,3})?)([smh]?)", text.strip())
    if not found or (found[1] == "-1" and found[2]):
        raise UsageError(f"{text!r} is not a time", "give 30s, 5m, 1h, 0 for none, -1 for ever")
    return float(found[1]) * UNITS[found[2]]


def now() -> "datetime":
    """The time in UTC, or the one that SOURCE_DATE_EPOCH names (reproducible-builds.org).

    Raises ConfigError where that is no time.
    """
    from datetime import UTC, datetime

    named = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not named:
        return datetime.now(UTC)
    try:
        return datetime.fromtimestamp(int(named), UTC)
    except (ValueError, OverflowError, OSError):
        raise ConfigError(
            f"SOURCE_DATE_EPOCH cannot be {named!r}", "give seconds since 1970"
        ) from None


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Raise TimeLimitError in the body once so many seconds have passed; None is no limit.

    Where there are interval timers the limit also ends a wait for input or for a model. Elsewhere
    it takes effect at the next step in Python.
    """
    if seconds is None:
        yield
        return
    if not 0 < seconds < 1_000_000:
        raise UsageError(f"{seconds:g} is not a time limit", "give --timeout a number of seconds")
    error = TimeLimitError(f"not done within {seconds:g} s", "raise --timeout, or ask for less")
    if (
        not hasattr(signal, "setitimer")
        or threading.current_thread() is not threading.main_thread()
    ):
        with interrupting(seconds, error):
            yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise error

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def interrupting(seconds: float, error: TimeLimitError) -> Iterator[None]:
    """The same by an interrupt of the main thread."""
    over = threading.Event()

    def ring() -> None:
        over.set()
        _thread.interrupt_main()

    timer = threading.Timer(seconds, ring)
    timer.start()
    try:
        yield
    except KeyboardInterrupt:
        if over.is_set():
            raise error from None
        raise
    finally:
        timer.cancel()
