"""The judge: a trial, in the sandbox that is here, and its verdict."""

from starcoder_cli.errors import InputError
from starcoder_cli.sandbox import python
from starcoder_cli.sandbox.ladder import rung
from starcoder_cli.sandbox.trial import Limits, Trial, Verdict

DEFAULTS = Limits()


def judge(trial: Trial, limits: Limits = DEFAULTS) -> Verdict:
    """Run a program in a sandbox and say whether its tests pass; nothing of it is left.

    Calls in several threads are independent. MachineError where there is no sandbox, InputError
    where the language's tools are not here.
    """
    here = rung()
    if reason := missing(trial.language):
        raise InputError(f"{trial.language} cannot be judged here: {reason}")
    return python.run(here, trial, limits)


def missing(language: str) -> str | None:
    """Why programs of a language cannot be judged here; None where they can."""
    return None if language == "python" else "it is not supported yet"
