"""A process of its own for calls: it has so much memory and time, and its end is not ours."""

import math
import os
import pickle
import signal
import time
from collections.abc import Callable, Iterator

import pytest

from starcoder_cli.system.processes import is_alive
from starcoder_cli.system.worker import Worker

GIGABYTE = 1 << 30


@pytest.fixture
def small() -> Iterator[Worker]:
    """A worker with a quarter of a gigabyte and half a second."""
    made = Worker(GIGABYTE // 4, 0.5)
    yield made
    made.close()


IS_WORKER = "__import__('starcoder_cli.system.worker').system.worker.is_worker"
SPIN = "import time\nend = time.process_time() + {}\nwhile time.process_time() < end: pass"
PRINT = "import os\nprint('a', flush=True)\nos.write(1, b'b')"


def test_calls_are_made_in_one_other_process(small: Worker) -> None:
    processes = {small.call(os.getpid) for _ in range(3)}
    assert len(processes) == 1
    assert os.getpid() not in processes
    assert small.call(eval, IS_WORKER) is not eval(IS_WORKER)
    assert small.call(int, "ff", base=16) == 255


def test_what_a_function_raises_is_raised_here(small: Worker) -> None:
    before = small.call(os.getpid)
    with pytest.raises(ValueError, match="math domain|nonnegative"):
        small.call(math.sqrt, -1)
    with pytest.raises(MemoryError):
        small.call(bytearray, GIGABYTE)
    assert small.call(os.getpid) == before


def test_what_is_printed_is_no_response(small: Worker) -> None:
    small.call(exec, PRINT)
    assert small.call(math.sqrt, 4) == 2


@pytest.mark.parametrize(
    ("function", "arguments"),
    [(os.abort, ()), (os._exit, (0,)), (os.kill, (0, signal.SIGKILL)), (exec, (SPIN.format(60),))],
)
def test_the_end_of_the_process_is_an_error_and_the_next_call_starts_another(
    small: Worker, function: Callable[..., object], arguments: tuple[object, ...]
) -> None:
    before = small.call(os.getpid)
    with pytest.raises(ChildProcessError):
        small.call(function, *arguments)
    assert not is_alive(before)
    assert small.call(math.sqrt, 4) == 2


def test_the_time_of_each_call_counts_by_itself(small: Worker) -> None:
    before = small.call(os.getpid)
    for _ in range(4):
        small.call(exec, SPIN.format(0.2))
    small.call(time.sleep, 0.8)
    assert small.call(os.getpid) == before


def test_what_interrupts_a_call_ends_it(small: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(stream: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(pickle, "load", interrupt)
        with pytest.raises(KeyboardInterrupt):
            small.call(os.getpid)
    assert small.call(math.sqrt, 4) == 2


def test_a_call_that_cannot_be_sent_leaves_the_others(small: Worker) -> None:
    with pytest.raises((AttributeError, TypeError)):
        small.call(lambda: None)
    assert small.call(math.sqrt, 4) == 2


def test_a_closed_worker_leaves_no_process() -> None:
    made = Worker(GIGABYTE, 1)
    process = made.call(os.getpid)
    made.close()
    made.close()
    assert not is_alive(process)


def test_no_process_that_can_start(small: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/missing")
    with pytest.raises(OSError, match="missing"):
        small.call(os.getpid)
