"""What is judged and what comes of it: plain values, and limits that hold unless others are set."""

from dataclasses import FrozenInstanceError

import pytest

from starcoder_cli.sandbox import Limits, SandboxJob, Verdict, judge


def test_limits_are_what_they_were_said_to_be() -> None:
    assert Limits() == Limits(seconds=10.0, memory=1 << 30, processes=64, disk=64 << 20)


def test_a_job_needs_no_more_than_a_program_and_its_tests() -> None:
    assert SandboxJob("python", "a", "b") == SandboxJob("python", "a", "b", None, "")


def test_what_was_judged_cannot_be_changed() -> None:
    verdict = Verdict(False, "wrong", "", 0.1)
    with pytest.raises(FrozenInstanceError):
        verdict.passed = True  # type: ignore[misc]


@pytest.mark.usefixtures("rung")
@pytest.mark.parametrize(
    ("language", "program", "tests"),
    [
        ("python", "def f():\n    raise ValueError('x' * 10_000)\n", "f()"),
        ("shell", "", "printf 'error %02000d' 1\nexit 1\n"),
    ],
)
def test_a_detail_is_no_longer_than_promised(language: str, program: str, tests: str) -> None:
    verdict = judge(SandboxJob(language, program, tests), Limits(seconds=30))
    assert (verdict.passed, verdict.result, len(verdict.detail)) == (False, "crashed", 500)
    assert verdict.seconds > 0
