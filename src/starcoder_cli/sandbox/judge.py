"""Runs a job in the available sandbox, and returns its verdict."""

from functools import cache

from starcoder_cli.errors import InputError, UsageError
from starcoder_cli.languages import find_language
from starcoder_cli.sandbox import compiled, python
from starcoder_cli.sandbox.detect import detect_sandbox
from starcoder_cli.sandbox.isolation import SandboxKind
from starcoder_cli.sandbox.right_answers import RIGHT_ANSWERS
from starcoder_cli.sandbox.toolchains import TOOLCHAINS
from starcoder_cli.sandbox.toolpaths import can_run, find_tool
from starcoder_cli.sandbox.trial import Limits, SandboxJob, Verdict

DEFAULT_LIMITS = Limits()
RIGHT_ANSWER_LIMITS = Limits(seconds=180.0)
PYTHON = "python"
JUDGED_LANGUAGES = (PYTHON, *TOOLCHAINS)


def judge(job: SandboxJob, limits: Limits = DEFAULT_LIMITS) -> Verdict:
    """Run a program in a sandbox and say whether its tests pass; nothing of it remains.

    Calls from several threads are independent. Raises MachineError without a sandbox, InputError
    if the language's tools are not here, UsageError for an unknown language.
    """
    kind = detect_sandbox()
    if reason := unsupported_reason(job.language):
        raise InputError(f"{job.language} cannot be judged here: {reason}")
    language = find_language(job.language).name
    if language == PYTHON:
        return python.judge_python(kind, job, limits)
    return compiled.judge_compiled(kind, language, job, limits)


def unsupported_reason(language: str) -> str | None:
    """Why programs in a language cannot be judged here, or None if they can."""
    try:
        name = find_language(language).name
    except UsageError as error:
        return error.message
    if name == PYTHON:
        return None
    if name not in TOOLCHAINS:
        return "programs in it are not judged"
    toolchain = TOOLCHAINS[name]
    absent = [tool for tool in toolchain.tools if not find_tool(tool)]
    if absent:
        names = " and ".join(absent)
        return f"{names} not found; Debian has it in the package {toolchain.debian_package}"
    library = toolchain.library
    if library and not can_run(library.command):
        return f"{library.name} not found; Debian has it in the package {library.debian_package}"
    return None


def unusable_reason(language: str) -> str | None:
    """Why no answer in a language could pass here, found by judging a right one; None if one could.

    Raises MachineError if there is no sandbox.
    """
    kind = detect_sandbox()
    if reason := unsupported_reason(language):
        return reason
    name = find_language(language).name
    return None if name == PYTHON else judge_right_answer(kind, name)


@cache
def judge_right_answer(kind: SandboxKind, language: str) -> str | None:
    """Why a right answer in a language of TOOLCHAINS fails, or None if it passes."""
    job = SandboxJob(language, *RIGHT_ANSWERS[language])
    return failure_reason(compiled.judge_compiled(kind, language, job, RIGHT_ANSWER_LIMITS))


def failure_reason(verdict: Verdict) -> str | None:
    """What the verdict on a right answer says about its language, or None if it passed."""
    if verdict.passed:
        return None
    return f"a right answer does not pass here: {verdict.detail or verdict.result}"
