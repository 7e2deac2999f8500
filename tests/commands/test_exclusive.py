"""Quiet and verbose: one of the two counts, or neither."""

from pathlib import Path

import pytest

from starcoder_cli.app.deliver import OutputOptions
from starcoder_cli.cli import main
from starcoder_cli.commands.registry import COMMANDS, load_command

FORMS = (["-qv"], ["-vq"], ["-q", "-v"], ["--quiet", "--verbose"], ["--verbose", "-q"])
REQUIRED_WORDS = {"fill": ["x.py:1"], "edit": ["x.py", "shorten it"]}


def commands_with_both() -> list[str]:
    """The commands that can be quiet and can be verbose."""
    names = {name: {each.name for each in load_command(name).params} for name in COMMANDS}
    return [name for name, options in names.items() if {"quiet", "verbose"} <= options]


def test_the_commands_that_are_asked_about() -> None:
    assert {"complete", "fill", "edit", "chat", "bench"} <= set(commands_with_both())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("command", commands_with_both())
def test_quiet_and_verbose_exclude_each_other(
    command: str, form: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([command, *REQUIRED_WORDS.get(command, []), *form]) == 2
    assert capfd.readouterr() == (
        "",
        "error: --quiet and --verbose cannot be used together; choose one\n",
    )


@pytest.mark.parametrize(
    ("variable", "setting", "word", "is_verbose"),
    [
        ("STARCODER_QUIET", "", "-v", True),
        ("STARCODER_VERBOSE", "", "-q", False),
        ("", "quiet", "-v", True),
        ("", "verbose", "-q", False),
        ("STARCODER_VERBOSE", "quiet", "", True),
        ("STARCODER_QUIET", "verbose", "", False),
    ],
)
def test_the_nearer_one_counts(
    variable: str,
    setting: str,
    word: str,
    is_verbose: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[OutputOptions] = []
    monkeypatch.setattr(
        "starcoder_cli.app.answer.run_answer", lambda *passed: given.append(passed[-1])
    )
    configuration = tmp_path / "config.toml"
    configuration.write_text(f"{setting} = true\n" if setting else "")
    monkeypatch.setenv("STARCODER_CONFIG", str(configuration))
    if variable:
        monkeypatch.setenv(variable, "1")
    code = tmp_path / "x.py"
    code.write_text("x = 1\n")
    assert main(["complete", "-m", "echo", str(code), *([word] if word else [])]) == 0
    assert [(each.verbose, each.quiet) for each in given] == [(is_verbose, not is_verbose)]


def test_two_variables_exclude_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STARCODER_QUIET", "1")
    monkeypatch.setenv("STARCODER_VERBOSE", "1")
    assert main(["complete", "-m", "echo", "-"]) == 2
