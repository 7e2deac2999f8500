"""A signal waits for what should not be cut short, and not at all for what cannot hear it."""

import signal
import subprocess
import sys
import threading

import pytest

from starcoder_cli.system.signals import allow_native_interrupts, defer_signals


def test_ctrl_c_waits() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), defer_signals():
        signal.raise_signal(signal.SIGINT)
        done.append(True)
    assert done == [True]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_ctrl_c_does_not_wait() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), defer_signals():
        signal.raise_signal(signal.SIGINT)
        done.append(1)
        signal.raise_signal(signal.SIGINT)
        done.append(2)
    assert done == [1]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_does_not_keep_a_signal_back() -> None:
    with pytest.raises(KeyboardInterrupt), defer_signals():
        signal.raise_signal(signal.SIGINT)
        raise ValueError


def test_what_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with defer_signals():
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)


def test_signals_are_no_matter_of_other_threads() -> None:
    handlers = []

    def body() -> None:
        with defer_signals():
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert handlers == [signal.default_int_handler]


@pytest.mark.parametrize(("times", "output"), [(1, b"done\n"), (2, b"")])
def test_a_signal_that_nobody_handles_ends_the_process(times: int, output: bytes) -> None:
    script = f"""
import os, signal
from starcoder_cli.system.signals import defer_signals
with defer_signals():
    for _ in range({times}):
        os.kill(os.getpid(), signal.SIGTERM)
    print("done", flush=True)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGTERM, output, b"")


@pytest.mark.parametrize(("inside", "code", "output"), [(1, -signal.SIGINT, b""), (0, 0, b"ours")])
def test_ctrl_c_ends_the_process_while_native_code_runs_and_no_longer(
    inside: int, code: int, output: bytes
) -> None:
    script = f"""
import os, signal
from starcoder_cli.system.signals import allow_native_interrupts
try:
    with allow_native_interrupts():
        if {inside}:
            os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    print("ours", end="")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (code, output, b"")


def test_after_native_code_ctrl_c_is_what_it_was_whatever_was_raised() -> None:
    with pytest.raises(ValueError, match="a fault"), allow_native_interrupts():
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL
        raise ValueError("a fault")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_nohup_switched_off_stays_so_while_native_code_runs() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with allow_native_interrupts():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_native_code_in_another_thread_changes_nothing() -> None:
    handlers = []

    def body() -> None:
        with allow_native_interrupts():
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert handlers == [signal.default_int_handler]
