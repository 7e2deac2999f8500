"""`-h` is one screen, and `--help` is everything."""

import shlex

import pytest

from starcoder_cli.cli import main
from starcoder_cli.commands.examples import EXAMPLES, MAIN_OPTIONS
from starcoder_cli.commands.registry import COMMANDS, load_command


def leaves() -> list[str]:
    """The commands that run something, with their names."""
    found = []
    for name in COMMANDS:
        inner = getattr(load_command(name), "commands", {})
        found += [f"{name} {each}" for each in inner] or [name]
    return found


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What is printed."""
    assert main(words) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("name", leaves())
def test_the_short_help_fits_a_screen(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, *name.split(), "-h")
    lines = text.splitlines()
    assert lines[0].startswith(f"Usage: starcoder {name}")
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 100
    assert all(line in text for line, _ in EXAMPLES.get(name, ()))
    assert len(text) < len(shown(capsys, *name.split(), "--help"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_of_commands_that_there_are(name: str) -> None:
    assert name in leaves()
    for line, _ in EXAMPLES[name]:
        *_, command = line.split("|")
        words = shlex.split(command)
        assert words[: len(name.split()) + 1] == ["starcoder", *name.split()]


@pytest.mark.parametrize("name", MAIN_OPTIONS)
def test_the_main_options_are_options(name: str) -> None:
    names = {option.name for option in load_command(name).params}
    assert set(MAIN_OPTIONS[name]) <= names


def test_what_has_more_options_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, "fill", "-h").endswith("options: starcoder fill --help\n")
    assert "--help" in shown(capsys, "stop", "-h")


def test_the_examples_are_in_the_whole_help_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert "starcoder fill -i app.py:12-15" in " ".join(shown(capsys, "fill", "--help").split())
