"""The judge: which languages it takes, by which names, and what it says about the others."""

import pytest

from starcoder_cli.errors import InputError, UsageError
from starcoder_cli.languages import find_language
from starcoder_cli.sandbox import (
    JUDGED_LANGUAGES,
    Limits,
    SandboxJob,
    Verdict,
    judge,
    unsupported_reason,
    unusable_reason,
)
from starcoder_cli.sandbox.detect import SANDBOX_VARIABLE
from starcoder_cli.sandbox.judge import failure_reason
from starcoder_cli.sandbox.toolchains import TOOLCHAINS

LIMITS = Limits(seconds=30.0)
PROGRAMS = {
    "python": ("def f(x):\n    return x + 1\n", "assert f(1) == 2\n"),
    "shell": ("f() { echo $(($1 + 1)); }\n", "[[ $(f 1) = 2 ]] || exit 1\n"),
}


def test_every_language_that_is_judged_has_the_tables_own_name() -> None:
    assert [find_language(name).name for name in JUDGED_LANGUAGES] == list(JUDGED_LANGUAGES)
    assert ("python", *TOOLCHAINS) == JUDGED_LANGUAGES


@pytest.mark.usefixtures("rung")
@pytest.mark.parametrize(("name", "language"), [("py", "python"), ("bash", "shell")])
def test_other_names_of_a_language_are_judged_the_same(name: str, language: str) -> None:
    program, tests = PROGRAMS[language]
    assert unsupported_reason(name) is None
    assert judge(SandboxJob(name, program, tests), LIMITS).result == "passed"
    assert not judge(SandboxJob(name, program.replace("+ 1", "+ 2"), tests), LIMITS).passed


@pytest.mark.parametrize(
    ("language", "reason"),
    [
        ("python", None),
        ("haskell", "programs in it are not judged"),
        ("klingon", "unknown language: 'klingon'"),
    ],
)
def test_why_a_language_is_not_judged(language: str, reason: str | None) -> None:
    assert unsupported_reason(language) == reason


@pytest.mark.parametrize("language", TOOLCHAINS)
def test_a_tool_that_is_missing_is_told_with_its_package(language: str) -> None:
    reason, toolchain = unsupported_reason(language), TOOLCHAINS[language]
    library = toolchain.library
    packages = {toolchain.debian_package, library.debian_package if library else ""}
    assert reason is None or reason.rpartition("in the package ")[2] in packages


def test_a_language_that_is_not_judged_is_unusable() -> None:
    assert unusable_reason("haskell") == "programs in it are not judged"
    assert unusable_reason("python") is None


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [
        (Verdict(True, "passed", "", 1.0), None),
        (
            Verdict(False, "crashed", "package org.none does not exist", 1.0),
            "a right answer does not pass here: package org.none does not exist",
        ),
        (Verdict(False, "memory", "", 1.0), "a right answer does not pass here: memory"),
    ],
)
def test_what_a_right_answer_lacks_is_named(verdict: Verdict, reason: str | None) -> None:
    assert failure_reason(verdict) == reason


@pytest.mark.usefixtures("rung")
def test_what_is_not_judged_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        judge(SandboxJob("haskell", "main = return ()", ""))
    assert str(caught.value) == ("haskell cannot be judged here: programs in it are not judged")


def test_without_a_sandbox_nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the language would be no reason."""
    monkeypatch.setenv(SANDBOX_VARIABLE, "none")
    with pytest.raises(UsageError, match="STARCODER_SANDBOX is 'none'"):
        judge(SandboxJob("python", *PROGRAMS["python"]))
