"""`starcoder completion`: a script on standard output, or a file and a line about it."""

from pathlib import Path

import pytest

from completing import ROOT
from starcoder_cli.cli import main


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without anything in it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "ZDOTDIR", "FPATH"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.mark.parametrize("words", [["bash"], []])
def test_the_script_is_printed_as_it_is(
    words: list[str], capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHELL", "/bin/bash")
    assert main(["completion", *words]) == 0
    script = (ROOT / "completions" / "starcoder.bash").read_bytes()
    assert capfdbinary.readouterr() == (script, b"")


def test_what_was_written_is_said(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "fish", "--install"]) == 0
    path = home / ".config/fish/completions/starcoder.fish"
    assert capfd.readouterr() == ("", f"wrote {path}; a new fish loads it\n")
    assert main(["completion", "zsh", "--install"]) == 0
    path = home / ".local/share/zsh/site-functions/_starcoder"
    assert capfd.readouterr() == (
        "",
        f"wrote {path}; a new zsh loads it\n"
        f"note: put this line into {home}/.zshrc: "
        "fpath=(~/.local/share/zsh/site-functions $fpath); autoload -Uz compinit; compinit\n",
    )
    assert main(["completion", "bash", "--install"]) == 0
    assert capfd.readouterr().err.endswith(
        "note: bash loads it through bash-completion: install that package, and create ~/.bashrc\n"
    )
    (home / ".bashrc").touch()
    assert main(["completion", "bash", "--install"]) == 0
    assert "note" not in capfd.readouterr().err


def test_an_unknown_shell(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "tcsh"]) == 2
    assert capfd.readouterr() == (
        "",
        "error: shell 'tcsh' is not one of bash, zsh, fish, powershell; "
        "see `starcoder completion --help`\n",
    )
