"""`starcoder edit`: code written anew as an instruction says."""

import json
from pathlib import Path

import pytest

from starcoder_cli.cli import main
from streams import run, standard_input

CODE = "class A:\n    def f(self, x):\n        return x\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with one file."""
    monkeypatch.chdir(tmp_path)
    Path("a.py").write_text(CODE)


def test_a_model_reads_the_range_and_the_instruction(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capfd, "edit", "a.py:2-3", "Call it g.", "--show-prompt")
    assert (code, err) == (0, "")
    assert "def f(self, x):\n    return x" in out
    assert "class A" not in out
    assert "Call it g." in out


def test_a_whole_file_or_piped_text(capfd: pytest.CaptureFixture[str]) -> None:
    assert CODE in run(capfd, "edit", "a.py", "Call it B.", "--show-prompt")[1]
    with standard_input(b"\xef\xbb\xbfx = 1\r\n"):
        out = run(capfd, "edit", "-", "Call it y.", "--show-prompt", "--lang", "python")[1]
    assert "x = 1\n" in out
    assert "\ufeff" not in out


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (["a.py", " "], 2, "the instruction is empty; say what is to be changed"),
        (["a.py:4", "x"], 65, "there is no code to edit here; use `starcoder fill` to write some"),
        (["none.py", "x"], 66, "cannot read none.py: No such file or directory; check the name"),
        (["a.py:9", "x"], 2, "a.py has no line 9; its lines are 1 to 4"),
        (["-i", "-", "x"], 2, "--in-place needs a file; name one instead of piping text in"),
        (["a.py", "x", "--max-tokens", "0"], 2, "max_tokens cannot be 0; give a number from 1 to"),
    ],
)
def test_what_cannot_be_edited(
    words: list[str], code: int, error: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with standard_input(b"x = 1\n"):
        ended, out, err = run(capfd, "edit", *words)
    assert (ended, out) == (code, "")
    assert err.startswith(f"error: {error}")


def test_half_an_answer_replaces_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """It would take away the code that it has nothing for yet."""
    way = "raise --max-tokens, or name a smaller range"
    error = f"error: the answer was cut off before its end; {way}\n"
    words = ("edit", "a.py", "Call it B.", "--max-tokens", "1")
    code, out, err = run(capfd, *words, "--in-place")
    assert (code, bool(out), err) == (65, True, error)
    assert run(capfd, *words, "--diff") == (65, "", error)
    assert Path("a.py").read_text() == CODE
    assert run(capfd, *words)[0] == 0


@pytest.mark.model
@pytest.mark.usefixtures("real_model")
def test_the_default_model_edits_a_file(capfd: pytest.CaptureFixture[str]) -> None:
    words = ["edit", "a.py:2-3", "Rename the method f to g.", "--offline"]
    assert main([*words, "--in-place", "--json"]) == 0
    record = json.loads(capfd.readouterr().out)
    assert record["reason"] == "stop"
    assert Path("a.py").read_text() == CODE.replace("f(", "g(")
