"""The current time, and a time limit for commands."""

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

MAX_LIMIT_SECONDS = 1_000_000
UNIT_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}


def parse_duration(text: str) -> float:
    """The seconds in `90`, `30s`, `5m` or `1h`; -1 for `-1`, which means for ever.

    Raises UsageError for anything else.
    """
    match = re.fullmatch(r"(-1|[0-9]{1,7}(?:\.[0-9]{1,3})?)([smh]?)", text.strip())
    if not match or (match[1] == "-1" and match[2]):
        raise UsageError(f"{text!r} is not a time", "give 30s, 5m, 1h, 0 for none, -1 for ever")
    return float(match[1]) * UNIT_SECONDS[match[2]]


def current_time() -> "datetime":
    """The time in UTC, or the one in SOURCE_DATE_EPOCH (reproducible-builds.org).

    Raises ConfigError if that is not a valid time.
    """
    from datetime import UTC, datetime

    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not epoch:
        return datetime.now(UTC)
    try:
        return datetime.fromtimestamp(int(epoch), UTC)
    except (ValueError, OverflowError, OSError):
        raise ConfigError(
            f"SOURCE_DATE_EPOCH cannot be {epoch!r}", "give seconds since 1970"
        ) from None


def require_time_limit(seconds: float) -> None:
    """Raise UsageError if a number of seconds cannot be a limit."""
    if not 0 < seconds < MAX_LIMIT_SECONDS:
        raise UsageError(f"{seconds:g} is not a time limit", "give --timeout a number of seconds")


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Raise TimeLimitError in the body after `seconds`; None means no limit.

    On systems with interval timers the limit also ends a wait for input or for a model. Elsewhere
    it takes effect at the next step in Python.
    """
    if seconds is None:
        yield
        return
    require_time_limit(seconds)
    error = TimeLimitError(f"not done within {seconds:g} s", "raise --timeout, or ask for less")
    if (
        not hasattr(signal, "setitimer")
        or threading.current_thread() is not threading.main_thread()
    ):
        with interrupt_main_after(seconds, error):
            yield
        return

    def on_alarm(number: int, frame: FrameType | None) -> None:
        raise error

    previous_handler = signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous_handler)


@contextmanager
def interrupt_main_after(seconds: float, error: TimeLimitError) -> Iterator[None]:
    """Raise the error after `seconds` by interrupting the main thread."""
    has_expired = threading.Event()

    def on_timeout() -> None:
        has_expired.set()
        _thread.interrupt_main()

    timer = threading.Timer(seconds, on_timeout)
    timer.start()
    try:
        yield
    except KeyboardInterrupt:
        if has_expired.is_set():
            raise error from None
        raise
    finally:
        timer.cancel()
