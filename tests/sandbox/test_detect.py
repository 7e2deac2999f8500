"""Which sandbox is taken: the best one that works, or the one that is named, or an error."""

import os
import subprocess
import sys

import pytest

from skips import missing_sandbox
from starcoder_cli.errors import UsageError
from starcoder_cli.sandbox.detect import (
    SANDBOX_VARIABLE,
    detect_sandbox,
    find_probe_failure,
    unavailable_reason,
)
from starcoder_cli.sandbox.isolation import SandboxKind

SCRIPT = """
import os, resource, sys
from starcoder_cli.errors import MachineError
from starcoder_cli.sandbox.detect import detect_sandbox
exec(sys.argv[1])
try:
    print(detect_sandbox())
except MachineError as error:
    print(error)
"""
WITHOUT = (
    "there is no sandbox to run a model's programs in: {details}; "
    "install bubblewrap, or use a Linux with Landlock (5.13 or newer)"
)
NO_PROGRAM = "os.environ['PATH'] = '/nowhere'"
NO_FILES = "resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4))"
NO_PYTHON = "sys.executable = '/bin/false'"


def detected(named: str, before: str) -> str:
    """What is found by a process that did something before; each asks only once."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, before],
        env={**os.environ, SANDBOX_VARIABLE: named},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("kind", "before", "reason"),
    [
        ("bubblewrap", NO_PROGRAM, "not installed"),
        ("landlock", NO_FILES, "cannot be started: Too many open files"),
        ("landlock", NO_PYTHON, "does not work: the tests ended early"),
        ("landlock", "sys.platform = 'darwin'", "only on Linux"),
    ],
)
def test_why_a_sandbox_that_is_named_cannot_be_used(kind: str, before: str, reason: str) -> None:
    assert detected(kind, before) == WITHOUT.format(details=f"{kind} ({reason})")


def test_without_a_name_the_reasons_of_all_are_told() -> None:
    details = "bubblewrap (not installed), landlock (does not work: the tests ended early)"
    assert detected("", f"{NO_PROGRAM}; {NO_PYTHON}") == WITHOUT.format(details=details)


def test_where_the_best_is_not_installed_the_next_is_used() -> None:
    if reason := unavailable_reason(SandboxKind.LANDLOCK):
        pytest.skip(missing_sandbox(SandboxKind.LANDLOCK, reason))
    assert detected("", NO_PROGRAM) == "landlock"


def test_the_one_that_is_named_is_used(rung: SandboxKind) -> None:
    assert (detect_sandbox(), find_probe_failure(rung)) == (rung, None)


def test_without_a_name_the_best_one_that_works_is_used() -> None:
    working = [kind for kind in SandboxKind if not unavailable_reason(kind)]
    assert detect_sandbox() == working[0]


def test_a_name_that_is_none_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SANDBOX_VARIABLE, "docker")
    with pytest.raises(UsageError) as caught:
        detect_sandbox()
    assert str(caught.value) == ("STARCODER_SANDBOX is 'docker'; it may be bubblewrap or landlock")
