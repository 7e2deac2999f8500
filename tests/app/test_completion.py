"""Completion scripts: found, put where shells look, and never in the place of another file."""

import os
import subprocess
from pathlib import Path

import pytest

from completing import ROOT, need
from starcoder_cli.app import completion
from starcoder_cli.app.completion import (
    SCRIPT_FILES,
    SHELLS,
    ShellName,
    install_script,
    missing_setup,
    read_script,
    user_shell,
)
from starcoder_cli.errors import InputError, RefusedError, UsageError

BASH_COMPLETION = Path("/usr/share/bash-completion/bash_completion")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without anything in it, and no variables that lead elsewhere."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "ZDOTDIR", "FPATH", "SHELL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def asked(home: Path, *command: str) -> list[str]:
    """The lines that a shell prints with that home."""
    done = subprocess.run(
        command,
        env={"HOME": str(home), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return [line.partition("\t")[0] for line in done.stdout.splitlines()]


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_that_of_the_repository(shell: ShellName) -> None:
    names = {
        **{each: file.name for each, file in SCRIPT_FILES.items()},
        "powershell": "starcoder.ps1",
    }
    assert read_script(shell) == (ROOT / "completions" / names[shell]).read_bytes()


def test_an_installation_has_the_scripts_beside_its_modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completion, "SCRIPT_FOLDERS", (tmp_path,))
    with pytest.raises(InputError, match="this installation has no _starcoder"):
        read_script("zsh")
    (tmp_path / "_starcoder").write_bytes(b"script")
    assert read_script("zsh") == b"script"


def test_bash_loads_its_script_when_it_is_needed(home: Path) -> None:
    need("bash")
    if not BASH_COMPLETION.is_file():
        pytest.skip("bash-completion is not installed")
    install_script("bash")
    script = (
        f". {BASH_COMPLETION}; _comp_load starcoder 2>/dev/null || __load_completion starcoder; "
        "complete -p starcoder"
    )
    assert asked(home, "bash", "--norc", "-c", script) == ["complete -F _starcoder starcoder"]


def test_fish_loads_its_script_when_it_is_needed(home: Path) -> None:
    need("fish")
    install_script("fish")
    (home / "starcoder").touch(0o755)  # fish loads nothing for what is no program
    script = f"set PATH {home} $PATH; complete -C 'starcoder fi'"
    assert asked(home, "fish", "-c", script) == ["fill"]


def test_zsh_loads_its_script_with_the_line_that_it_is_told(home: Path) -> None:
    need("zsh")
    path = install_script("zsh")
    line, _, loading = missing_setup("zsh", path).partition(": ")[2].partition("; ")
    assert line == "fpath=(~/.local/share/zsh/site-functions $fpath)"
    assert loading == "autoload -Uz compinit; compinit"
    script = f"{line}; autoload -Uz compinit; compinit -u -D; print $_comps[starcoder]"
    assert asked(home, "zsh", "-f", "-c", script) == ["_starcoder"]


@pytest.mark.parametrize("name", [".zshrc", "folder/.zshrc"])
@pytest.mark.parametrize("folder", ["~", "$HOME", "whole"])
def test_zsh_is_told_nothing_where_its_start_names_the_folder(
    home: Path, folder: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = home / name
    start.parent.mkdir(exist_ok=True)
    if start.parent != home:
        monkeypatch.setenv("ZDOTDIR", str(start.parent))
    path = SCRIPT_FILES["zsh"].target
    start.write_text("# of ~/.local/share/zsh/site-functions\nautoload compinit; compinit\n")
    assert missing_setup("zsh", path).startswith(f"put this line into {start}, before compinit: ")
    base = str(home) if folder == "whole" else folder
    start.write_text(f"fpath=({base}/.local/share/zsh/site-functions $fpath)\n")
    assert missing_setup("zsh", path) == ""


def test_a_folder_in_fpath_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    path = SCRIPT_FILES["zsh"].target
    monkeypatch.setenv("FPATH", f"/usr/share/zsh:{path.parent}")
    assert missing_setup("zsh", path) == ""
    assert missing_setup("fish", path) == ""


def test_where_the_variables_lead(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    assert install_script("bash") == home / "data/bash-completion/completions/starcoder"
    assert install_script("fish") == home / ".config/fish/completions/starcoder.fish"


def test_its_own_file_is_replaced_and_no_other(home: Path) -> None:
    path = install_script("fish")
    path.write_bytes(read_script("fish")[:300])
    assert install_script("fish").read_bytes() == read_script("fish")
    path.write_text("complete -c starcoder\n")
    with pytest.raises(RefusedError) as raised:
        install_script("fish")
    assert str(raised.value) == (
        f"{path} is in the way: starcoder did not write it; move it, and try again"
    )
    assert path.read_text() == "complete -c starcoder\n"


@pytest.mark.parametrize("kind", ["folder", "broken link", "pipe", "device"])
def test_what_is_no_file_is_in_the_way(kind: str) -> None:
    path = SCRIPT_FILES["fish"].target
    path.parent.mkdir(parents=True)
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.symlink_to("nowhere")
    with pytest.raises(RefusedError, match="is in the way: starcoder did not write it"):
        install_script("fish")


def test_powershell_looks_nowhere() -> None:
    with pytest.raises(UsageError, match=r"PowerShell loads no script by itself; put this into"):
        install_script("powershell")


@pytest.mark.parametrize(
    ("program", "shell"),
    [("/usr/bin/zsh", "zsh"), ("bash", "bash"), ("/opt/microsoft/pwsh", "powershell")],
)
def test_the_shell_of_the_user(program: str, shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", program)
    assert user_shell() == shell


@pytest.mark.parametrize(
    ("program", "error"),
    [("", "no shell is named"), ("/bin/tcsh", "there is no script for 'tcsh', which $SHELL names")],
)
def test_a_shell_without_a_script(
    program: str, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHELL", program)
    with pytest.raises(UsageError) as raised:
        user_shell()
    assert str(raised.value) == f"{error}; name one of bash, zsh, fish, powershell"
