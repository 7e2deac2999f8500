"""Options before the name of a command are as good as behind it."""

import json
from pathlib import Path

import pytest

from processes import terminal
from starcoder_cli.cli import main

Capture = pytest.CaptureFixture[str]


def ran(capfd: Capture, line: str) -> tuple[int, str, str]:
    """A command line: exit code, standard output and error."""
    code = main(line.split())
    captured = capfd.readouterr()
    return code, captured.out, captured.err


@pytest.mark.parametrize(
    ("before", "behind"),
    [
        ("-m echo complete a.py", "complete -m echo a.py"),
        ("--model echo complete a.py", "complete --model echo a.py"),
        ("--model=echo fill a.py:1", "fill --model=echo a.py:1"),
        ("-mecho -q complete a.py --max-tokens 3", "complete -mecho -q a.py --max-tokens 3"),
        ("-q -m echo complete -- a.py", "complete -q -m echo -- a.py"),
        ("-m echo chat chat", "chat -m echo chat"),
        ("-m echo -s chat chat why?", "chat -m echo -s chat why?"),
        ("-s complete -m echo chat why?", "chat -s complete -m echo why?"),
        ("-m nothing complete a.py -m echo", "complete a.py -m nothing -m echo"),
        ("--json models path echo", "models path --json echo"),
        ("-m echo --help", "-m echo --help"),
        ("--color never complete --help", "complete --color never --help"),
        ("-m echo --help complete", "complete --help"),
        ("-m", "-m"),
        ("-- complete a.py -m echo", "complete a.py -m echo"),
    ],
)
def test_options_before_a_command_are_those_behind_it(
    before: str, behind: str, capfd: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.py").write_text("a = 1\nb = 2\n")
    assert ran(capfd, before) == ran(capfd, behind)


def test_a_model_before_the_command(
    capfd: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.py").write_text("a = 1\n")
    code, out, error = ran(capfd, "-m echo --json complete a.py")
    assert (code, json.loads(out)["model"], error) == (0, "echo", "")


@pytest.mark.parametrize(
    ("words", "option"),
    [
        ("help", "--help"),
        ("help fill", "fill --help"),
        ("help models pull", "models pull --help"),
        ("version", "--version"),
        ("-V", "--version"),
    ],
)
def test_what_others_call_a_command_is_an_option(words: str, option: str, capfd: Capture) -> None:
    assert ran(capfd, words) == ran(capfd, option)


@pytest.mark.parametrize(
    "words", ["--no-color {}", "{} --no-color", "--no-color --color auto {}", "--color auto {}"]
)
def test_colours_can_be_left_out(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.py").write_text("def f(): pass\n")
    command = words.format("complete a.py -m echo --max-tokens 1").split()
    session = terminal(*command, NO_COLOR="")
    assert (b"\x1b[" in session.raw.split(b"def")[-1]) == ("--no-color" not in words)


def test_what_comes_after_two_dashes_is_no_option(
    capfd: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("--no-color").write_text("a = 1\n")
    assert ran(capfd, "complete -m echo -- --no-color") == (0, "a = 1\n", "")


@pytest.mark.parametrize(
    ("word", "meant"),
    [("helo", "help"), ("versoin", "version"), ("Fill", "fill"), ("chta", "chat")],
)
def test_a_command_that_there_is_not(word: str, meant: str, capfd: Capture) -> None:
    error = f"error: no such command {word!r}; did you mean {meant}?\n"
    assert ran(capfd, word) == (2, "", error)


def test_what_is_the_programs_own_stays_in_its_place(capfd: Capture) -> None:
    assert ran(capfd, "--help complete") == ran(capfd, "--help")
    assert ran(capfd, "-h") == ran(capfd, "")
    assert ran(capfd, "--version complete") == ran(capfd, "--version")
