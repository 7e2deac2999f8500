"""The judge: a trial, in the sandbox that is here, and its verdict."""

from starcoder_cli.errors import InputError, UsageError
from starcoder_cli.languages import find as find_language
from starcoder_cli.sandbox import compiled, python
from starcoder_cli.sandbox.detect import rung
from starcoder_cli.sandbox.toolchains import TOOLCHAINS
from starcoder_cli.sandbox.toolpaths import find, works
from starcoder_cli.sandbox.trial import Limits, Trial, Verdict

DEFAULTS = Limits()
PYTHON = "python"
LANGUAGES = (PYTHON, *TOOLCHAINS)


def judge(trial: Trial, limits: Limits = DEFAULTS) -> Verdict:
    """Run a program in a sandbox and say whether its tests pass; nothing of it is left.

    Calls in several threads are independent. MachineError where there is no sandbox, InputError
    where the language's tools are not here, UsageError for no language.
    """
    here = rung()
    if reason := missing(trial.language):
        raise InputError(f"{trial.language} cannot be judged here: {reason}")
    language = find_language(trial.language).name
    if language == PYTHON:
        return python.run(here, trial, limits)
    return compiled.run(here, language, trial, limits)


def missing(language: str) -> str | None:
    """Why programs of a language cannot be judged here; None where they can."""
    try:
        name = find_language(language).name
    except UsageError as error:
        return error.message
    if name == PYTHON:
        return None
    if name not in TOOLCHAINS:
        return "programs in it are not judged"
    chain = TOOLCHAINS[name]
    absent = [tool for tool in chain.tools if not find(tool)]
    if absent:
        return f"{' and '.join(absent)} not found; Debian has it in the package {chain.package}"
    library = chain.library
    if library and not works(library.command):
        return f"{library.name} not found; Debian has it in the package {library.package}"
    return None
