"""Calls that Python has no name for: what they give, and the system's error where they fail."""

import ctypes
import errno
import os

import pytest

from confined import child
from starcoder_cli.sandbox.inside.kernel import (
    MACHINE_ARCHITECTURES,
    PR_SET_DUMPABLE,
    check_result,
    detect_architecture,
    prctl,
    syscall,
)

GETPID = {"x86_64": 39, "aarch64": 172}
PR_GET_DUMPABLE, PR_GET_NO_NEW_PRIVS = 3, 39


def test_this_machine_is_one_whose_calls_are_known() -> None:
    assert detect_architecture() in GETPID
    assert detect_architecture() == MACHINE_ARCHITECTURES[os.uname().machine]


def test_a_call_gives_what_the_kernel_gives() -> None:
    assert syscall(GETPID[detect_architecture()]) == os.getpid()


def test_a_call_that_fails_is_the_systems_error() -> None:
    with pytest.raises(OSError) as caught:
        syscall(100_000)
    assert (caught.value.errno, caught.value.strerror) == (errno.ENOSYS, os.strerror(errno.ENOSYS))
    with pytest.raises(OSError) as caught:
        prctl(100_000, 1)
    assert caught.value.errno == errno.EINVAL


def test_a_property_of_a_process_is_set() -> None:
    script = f"""
import json
from starcoder_cli.sandbox.inside.kernel import PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS, prctl
before = prctl({PR_GET_DUMPABLE}), prctl({PR_GET_NO_NEW_PRIVS})
prctl(PR_SET_DUMPABLE, 0), prctl(PR_SET_NO_NEW_PRIVS, 1)
print(json.dumps([before, [prctl({PR_GET_DUMPABLE}), prctl({PR_GET_NO_NEW_PRIVS})]]))
"""
    assert child(script) == [[1, 0], [0, 1]]
    assert PR_SET_DUMPABLE == PR_GET_DUMPABLE + 1


@pytest.mark.parametrize("result", [0, 7])
def test_a_result_that_is_no_failure_is_passed_on(result: int) -> None:
    ctypes.set_errno(errno.EPERM)
    assert check_result(result) == result


def test_a_failure_is_told_by_the_number_that_it_left() -> None:
    ctypes.set_errno(errno.EPERM)
    with pytest.raises(PermissionError):
        check_result(-1)
