"""Programs in languages other than Python: what passes, and what does not."""

import os
import pwd
from pathlib import Path

import pytest

from programs import ANSWERS
from starcoder_cli.sandbox import Limits, SandboxJob, Verdict, judge, unsupported_reason

pytestmark = pytest.mark.usefixtures("rung")
LIMITS = Limits(seconds=30.0)

each_language = pytest.mark.parametrize("language", ANSWERS)


@pytest.fixture(autouse=True)
def rust(monkeypatch: pytest.MonkeyPatch) -> None:
    """rustup finds its compilers where they are, and not in the home of a test."""
    home = Path(pwd.getpwuid(os.getuid()).pw_dir, ".rustup")
    monkeypatch.setenv("RUSTUP_HOME", os.environ.get("RUSTUP_HOME", str(home)))


def verdict(language: str, program: str) -> Verdict:
    """How a program is judged by its language's tests, where its tools are here."""
    if reason := unsupported_reason(language):
        pytest.skip(reason)
    return judge(SandboxJob(language, program, ANSWERS[language].tests), LIMITS)


@each_language
def test_a_right_program_passes(language: str) -> None:
    judged = verdict(language, ANSWERS[language].program)
    assert (judged.passed, judged.result, judged.detail) == (True, "passed", "")


@each_language
def test_a_wrong_program_does_not(language: str) -> None:
    judged = verdict(language, ANSWERS[language].program.replace(*ANSWERS[language].wrong))
    assert (judged.passed, judged.result) == (False, "crashed")
    assert judged.detail


@each_language
def test_a_program_that_leaves_early_does_not(language: str) -> None:
    answer = ANSWERS[language]
    program = answer.program.replace("return", f"{answer.leave} return")
    judged = verdict(language, program if program != answer.program else early(answer.program))
    assert not judged.passed


def early(program: str) -> str:
    """A Bash program that leaves as soon as it is read."""
    return program + "exit 0\n"


@each_language
def test_what_is_no_program_does_not(language: str) -> None:
    judged = verdict(language, ANSWERS[language].program + "\n)]}'\" oops (\n")
    assert (judged.passed, judged.result) == (False, "crashed")
