"""Which sandbox is here: bubblewrap, else Landlock with seccomp, else none and nothing runs."""

import os
import sys
from functools import cache

from starcoder_cli.errors import MachineError, UsageError
from starcoder_cli.sandbox.isolation import Rung
from starcoder_cli.sandbox.python import run
from starcoder_cli.sandbox.trial import Limits, Trial

VARIABLE = "STARCODER_SANDBOX"


def rung() -> Rung:
    """The sandbox that programs run in here; MachineError where there is none.

    The variable STARCODER_SANDBOX names one that has to be it.
    """
    named = os.environ.get(VARIABLE)
    if named and named not in list(Rung):
        raise UsageError(f"{VARIABLE} is {named!r}", f"it may be {' or '.join(Rung)}")
    rungs = [Rung(named)] if named else list(Rung)
    reasons = [(rung, reason_against(rung)) for rung in rungs]
    for rung, reason in reasons:
        if not reason:
            return rung
    told = ", ".join(f"{rung} ({reason})" for rung, reason in reasons)
    raise MachineError(
        f"there is no sandbox to run a model's programs in: {told}",
        "install bubblewrap, or use a Linux with Landlock (5.13 or newer)",
    )


@cache
def reason_against(rung: Rung) -> str | None:
    """Why a kind of sandbox cannot be used here; None where a program has just run in it."""
    if sys.platform != "linux":
        return "only on Linux"
    import shutil

    if rung is Rung.BUBBLEWRAP and not shutil.which("bwrap"):
        return "not installed"

    return failure(rung)


TRIAL = Trial("python", "def double(n):\n    return 2 * n\n", "assert double(21) == 42\n")
LIMITS = Limits(seconds=20.0)


def failure(rung: Rung) -> str | None:
    """Why nothing can run in a sandbox of this kind; None where it can."""
    try:
        verdict = run(rung, TRIAL, LIMITS)
    except OSError as error:
        return f"cannot be started: {error.strerror}"
    return None if verdict.passed else f"does not work: {verdict.detail or verdict.result}"
