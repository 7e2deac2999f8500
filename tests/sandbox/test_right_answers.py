"""A right answer in each language: it passes where the tools are, and a wrong one does not."""

import os
import pwd
from pathlib import Path

import pytest

from starcoder_cli.evaluation.benchmarks import MULTIPL_E_LANGUAGES
from starcoder_cli.sandbox import Limits, SandboxJob, judge, unsupported_reason, unusable_reason
from starcoder_cli.sandbox.right_answers import RIGHT_ANSWERS
from starcoder_cli.sandbox.toolchains import TOOLCHAINS


@pytest.fixture(autouse=True)
def rust(monkeypatch: pytest.MonkeyPatch) -> None:
    """rustup finds its compilers where they are, and not in the home of a test."""
    home = Path(pwd.getpwuid(os.getuid()).pw_dir, ".rustup")
    monkeypatch.setenv("RUSTUP_HOME", os.environ.get("RUSTUP_HOME", str(home)))


def test_every_language_has_one() -> None:
    assert RIGHT_ANSWERS.keys() == TOOLCHAINS.keys()
    assert TOOLCHAINS.keys() - {"c"} <= set(MULTIPL_E_LANGUAGES.values())


@pytest.mark.usefixtures("rung")
@pytest.mark.parametrize("language", RIGHT_ANSWERS)
def test_a_right_answer_passes_and_a_wrong_one_does_not(language: str) -> None:
    if reason := unsupported_reason(language):
        pytest.skip(reason)
    assert unusable_reason(language) is None
    program, tests = RIGHT_ANSWERS[language]
    wrong = SandboxJob(language, program, tests.replace("40", "41"))
    assert judge(wrong, Limits(seconds=180.0)).result == "crashed"
