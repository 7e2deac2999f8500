"""Whether a kind of sandbox works: a small trial in it."""

from starcoder_cli.sandbox.python import run
from starcoder_cli.sandbox.rungs import Rung
from starcoder_cli.sandbox.trial import Limits, Trial

TRIAL = Trial("python", "def double(n):\n    return 2 * n\n", "assert double(21) == 42\n")
LIMITS = Limits(seconds=20.0)


def failure(rung: Rung) -> str | None:
    """Why nothing can run in a sandbox of this kind; None where it can."""
    try:
        verdict = run(rung, TRIAL, LIMITS)
    except OSError as error:
        return f"cannot be started: {error.strerror}"
    return None if verdict.passed else f"does not work: {verdict.detail or verdict.result}"
