"""Processes and what they started: found, and ended for good."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving import gone
from starcoder_cli.system.processes import (
    is_alive,
    kill_and_wait,
    limit_memory,
    list_children,
)

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="needs /proc to find children"
)


@pytest.fixture
def family() -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """A shell of a group of its own that heeds no request to end, and a child of it."""
    script = "trap '' TERM HUP INT; sleep 1000 & echo $!; wait"
    with subprocess.Popen(
        ["sh", "-c", script], stdout=subprocess.PIPE, start_new_session=True
    ) as shell:
        assert shell.stdout
        child = int(shell.stdout.readline())
        yield shell, child
        kill_and_wait(shell)


def test_a_process_is_killed_with_its_group(
    family: tuple["subprocess.Popen[bytes]", int],
) -> None:
    shell, child = family
    kill_and_wait(shell)
    assert (shell.returncode, gone(shell), gone(child)) == (-9, True, True)


def test_what_has_ended_already_is_waited_for() -> None:
    ended = subprocess.Popen(["sh", "-c", "exit 3"], start_new_session=True)
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    kill_and_wait(ended)
    assert ended.returncode == 3
    kill_and_wait(ended)
    assert ended.returncode == 3


def test_children_are_those_that_are_not_waited_for(
    family: tuple["subprocess.Popen[bytes]", int],
) -> None:
    shell, child = family
    assert list_children(shell.pid) == [child]
    assert shell.pid in list_children(os.getpid())
    assert list_children(child) == []
    kill_and_wait(shell)
    assert shell.pid not in list_children(os.getpid())
    assert list_children(shell.pid) == []


def test_a_process_that_there_is_not_has_no_children() -> None:
    assert list_children(sys.maxsize) == []


def test_a_process_that_runs_gets_no_more_memory_than_it_may_have() -> None:
    script = "input(); bytes(1 << 29)"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        limit_memory(process.pid, 1 << 28)
        _, errors = process.communicate(b"\n")
    assert b"MemoryError" in errors
    limit_memory(process.pid, 1 << 28)  # it is gone


def test_whether_a_process_is_alive() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        assert is_alive(child.pid)
        child.wait()
    assert not is_alive(child.pid)
    assert not is_alive(2**70)
    assert all(map(is_alive, (os.getpid(), 1, 0, -5)))
