"""A limit on time ends a wait, and leaves nothing behind."""

import math
import os
import signal
import threading
import time

import pytest

from starcoder_cli.errors import TimeLimitError, UsageError
from starcoder_cli.system.timing import interrupt_main_after, time_limit


def test_a_wait_for_input_ends_with_the_limit() -> None:
    read, write = os.pipe()
    try:
        with pytest.raises(TimeLimitError) as caught, time_limit(0.05):
            os.read(read, 1)
    finally:
        os.close(read)
        os.close(write)
    assert str(caught.value) == "not done within 0.05 s; raise --timeout, or ask for less"


def test_a_limit_that_is_not_reached_leaves_nothing_behind() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with time_limit(1000), time_limit(None):
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert signal.getsignal(signal.SIGALRM) is before


@pytest.mark.parametrize("seconds", [0, -1, 1_000_000, math.inf, math.nan])
def test_a_limit_is_a_number_of_seconds(seconds: float) -> None:
    with pytest.raises(UsageError) as caught, time_limit(seconds):
        raise AssertionError("the body ran")
    assert str(caught.value) == (
        f"{seconds:g} is not a time limit; give --timeout a number of seconds"
    )


ERROR = TimeLimitError("not done in time", "ask for less")


def test_without_interval_timers_the_main_thread_is_interrupted() -> None:
    with pytest.raises(TimeLimitError) as caught, interrupt_main_after(0.05, ERROR):
        while True:
            time.sleep(0.01)
    assert caught.value is ERROR


def test_without_interval_timers_ctrl_c_is_still_ctrl_c() -> None:
    with pytest.raises(KeyboardInterrupt), interrupt_main_after(1000, ERROR):
        signal.raise_signal(signal.SIGINT)
    timers = [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
    assert all(timer.finished.is_set() for timer in timers)
