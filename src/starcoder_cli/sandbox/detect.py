"""Which sandbox is here: bubblewrap, else Landlock with seccomp, else none and nothing runs."""

import os
import sys
from functools import cache

from starcoder_cli.errors import MachineError, UsageError
from starcoder_cli.sandbox.isolation import SandboxKind, find_bubblewrap
from starcoder_cli.sandbox.python import judge_python
from starcoder_cli.sandbox.trial import Limits, SandboxJob

SANDBOX_VARIABLE = "STARCODER_SANDBOX"


def detect_sandbox() -> SandboxKind:
    """The sandbox that programs run in here; raises MachineError if there is none.

    The variable STARCODER_SANDBOX can require a particular one.
    """
    requested = os.environ.get(SANDBOX_VARIABLE)
    if requested and requested not in list(SandboxKind):
        raise UsageError(
            f"{SANDBOX_VARIABLE} is {requested!r}", f"it may be {' or '.join(SandboxKind)}"
        )
    kinds = [SandboxKind(requested)] if requested else list(SandboxKind)
    reasons = [(kind, unavailable_reason(kind)) for kind in kinds]
    for kind, reason in reasons:
        if not reason:
            return kind
    details = ", ".join(f"{kind} ({reason})" for kind, reason in reasons)
    raise MachineError(
        f"there is no sandbox to run a model's programs in: {details}",
        "install bubblewrap, or use a Linux with Landlock (5.13 or newer)",
    )


@cache
def unavailable_reason(kind: SandboxKind) -> str | None:
    """Why a kind of sandbox cannot be used here, or None if a program has just run in it."""
    if sys.platform != "linux":
        return "only on Linux"
    if kind is SandboxKind.BUBBLEWRAP and not find_bubblewrap():
        return "not installed"
    return find_probe_failure(kind)


PROBE_JOB = SandboxJob("python", "def double(n):\n    return 2 * n\n", "assert double(21) == 42\n")
PROBE_LIMITS = Limits(seconds=20.0)


def find_probe_failure(kind: SandboxKind) -> str | None:
    """Why nothing can run in a sandbox of this kind, or None if it works."""
    try:
        verdict = judge_python(kind, PROBE_JOB, PROBE_LIMITS)
    except OSError as error:
        return f"cannot be started: {error.strerror}"
    return None if verdict.passed else f"does not work: {verdict.detail or verdict.result}"
