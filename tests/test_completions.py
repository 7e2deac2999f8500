"""The completion scripts are as new as the app, and do in real shells what they are for."""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from completing import ROOT, SCRIPTS, SHELLS, Asked, Place, Shell, Terminal, need, opened
from starcoder_cli.languages import languages_by_name

INSTALLED = ["acme/coder/tiny.gguf", "qwen2.5-coder-0.5b"]

# A line, and what may stand at its end.
LINES: Sequence[tuple[str, Sequence[str]]] = (
    ("starcoder f", ["fill"]),
    ("starcoder --", ["--help", "--no-color", "--version"]),
    ("starcoder models ", ["list", "path", "pull", "recommend", "rm", "search", "show", "use"]),
    ("starcoder models list --j", ["--json"]),
    ("starcoder models search tiny --", ["--help", "--json", "--limit", "--offline"]),
    ("starcoder fill --st", ["--stop", "--strict-context"]),
    ("starcoder fill hello.py --pl", ["--plain"]),
    ("starcoder fill --color ", ["always", "auto", "never"]),
    ("starcoder fill --color=a", ["always", "auto"]),
    ("starcoder complete -q --order ", ["psm", "spm"]),
    ("starcoder complete --max-tokens ", []),
    ("starcoder complete --lang ", sorted(languages_by_name())),
    ("starcoder complete --lang=obj", ["objective-c"]),
    ("starcoder complete -m co", ["codegemma-2b", "codegemma-7b", "codellama-7b", "codestral-22b"]),
    ("starcoder complete -m acme/", ["acme/coder/tiny.gguf"]),
    ("starcoder complete --model ti", ["tiny.gguf", "tiny_starcoder_py"]),
    ("starcoder models rm ", INSTALLED),
    ("starcoder index rm l", ["left-pad"]),
    ("starcoder index rm @", ["@acme/coder"]),
    ("starcoder index rm n", ["notes.txt"]),
    ("starcoder models pull qwen2.5-coder-7", ["qwen2.5-coder-7b"]),
    ("starcoder models path ech", ["echo"]),
    ("starcoder complete hel", ["hello.py"]),
    ("starcoder complete -m echo --lang models hel", ["hello.py"]),
    ("starcoder complete --filename no", ["notes.txt"]),
    ("starcoder fill n", ["notes.txt"]),
    ("starcoder completion ", ["bash", "fish", "powershell", "zsh"]),
    ("starcoder completion fish --i", ["--install"]),
    ("starcoder config ", ["edit", "path", "schema", "set", "unset"]),
    ("starcoder config set max_", ["max_prompt_tokens", "max_tokens"]),
    ("starcoder config set fill.max_", ["fill.max_prompt_tokens", "fill.max_tokens"]),
    ("starcoder config unset mo", ["model"]),
    ("starcoder config unset chat.mo", ["chat.model"]),
    ("starcoder chat -f no", ["notes.txt"]),
    ("starcoder chat why --file=no", ["notes.txt"]),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Files to complete, and a `starcoder` and a `python` that must not be run for it."""
    top = tmp_path_factory.mktemp("completions")
    for folder in ("bin", "home/inner", "work/src", "work/models"):
        (top / folder).mkdir(parents=True)
    for file in ("hello.py", "notes.txt", "tiny.gguf", "two words.py"):
        (top / "work" / file).touch()
    models = top / "cache" / "starcoder" / "models"
    for model in ("qwen2.5-coder-0.5b", "acme--coder--tiny.gguf", ".locks", "$(touch hit)", "-x"):
        (models / model).mkdir(parents=True)
    data = top / "data" / "starcoder"
    data.mkdir(parents=True)
    (data / "index.sqlite.starcoder").write_text("@acme/coder\n$(touch hit)\nleft-pad\n")
    canary = top / "canary"
    for name in ("python", "python3", "starcoder"):
        program = top / "bin" / name
        program.write_text(f"#!/bin/sh\necho {name} >> '{canary}'\n")
        program.chmod(0o755)
    environment = {
        "PATH": f"{top / 'bin'}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(top / "home"),
        "XDG_CACHE_HOME": str(top / "cache"),
        "XDG_DATA_HOME": str(top / "data"),
        "TERM": "dumb",
        "LC_ALL": "C.UTF-8",
    }
    return Place(top / "work", environment, canary)


@pytest.fixture(scope="module", params=SHELLS)
def shell(request: pytest.FixtureRequest, place: Place) -> Iterator[Shell]:
    """Each shell that is installed here."""
    with closing(opened(request.param, place)) as shell:
        yield shell


@pytest.fixture(scope="module", params=["bash", "zsh"])
def terminal(request: pytest.FixtureRequest, place: Place) -> Iterator[Terminal]:
    """The shells that are told which keys are pressed."""
    with closing(opened(request.param, place)) as shell:
        assert isinstance(shell, Terminal)
        yield shell


@pytest.mark.parametrize(("line", "expected"), LINES, ids=[line for line, _ in LINES])
def test_candidates(shell: Shell, place: Place, line: str, expected: Sequence[str]) -> None:
    assert shell.candidates(line) == list(expected)
    assert not place.canary.exists()


@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("starcoder fi", "starcoder fill "),
        ("starcoder mod", "starcoder models "),
        ("starcoder complete hel", "starcoder complete hello.py "),
        ("starcoder complete two", r"starcoder complete two\ words.py "),
        ("starcoder complete sr", "starcoder complete src/"),
        ("starcoder complete ~/in", "starcoder complete ~/inner/"),
        ("starcoder fill --adapter sr", "starcoder fill --adapter src/"),
        ("starcoder fill --adapter hel", "starcoder fill --adapter hel"),
        ("starcoder eval --out=mo", "starcoder eval --out=models/"),
        ("starcoder fill hel", "starcoder fill hello.py"),
        ("starcoder fill hello.py:1", "starcoder fill hello.py:1"),
        ("starcoder fill sr", "starcoder fill src/"),
        ("starcoder fill -m ./tin", "starcoder fill -m ./tiny.gguf "),
        ("starcoder fill -m deep", "starcoder fill -m deepseek-coder-"),
        ("starcoder fill --model=sanc", "starcoder fill --model=sanc"),
        ("starcoder fill --model=sant", "starcoder fill --model=santacoder "),
        (
            "STARCODER_OFFLINE=1 starcoder fill --lang zi",
            "STARCODER_OFFLINE=1 starcoder fill --lang zig ",
        ),
    ],
)
def test_the_tab_key(terminal: Terminal, line: str, completed: str) -> None:
    """A folder named `models` is no reason to write `models/`; `fill` waits for a line number."""
    assert terminal.press(line, "\t") == completed


@pytest.mark.parametrize("name", SHELLS)
@pytest.mark.parametrize(
    ("folder", "variables"),
    [
        ("elsewhere", {"STARCODER_MODELS_DIR": "elsewhere", "XDG_CACHE_HOME": "empty"}),
        ("xdg/starcoder/models", {"XDG_CACHE_HOME": "xdg"}),
        (".cache/starcoder/models", {}),
        ("Library/Caches/starcoder/models", {"OSTYPE": "darwin23"}),
    ],
    ids=["variable", "xdg", "linux", "macos"],
)
def test_the_folder_of_models(
    name: str, place: Place, tmp_path: Path, folder: str, variables: Mapping[str, str]
) -> None:
    (tmp_path / folder / "owner--name").mkdir(parents=True)
    paths = {key: str(tmp_path / value) for key, value in variables.items() if key != "OSTYPE"}
    environment = {**place.environment, "HOME": str(tmp_path), "XDG_CACHE_HOME": ""}
    there = replace(place, environment={**environment, **variables, **paths})
    with closing(opened(name, there)) as shell:
        assert shell.candidates("starcoder models rm ") == ["owner/name"]


@pytest.mark.parametrize(
    ("words", "breaks", "offered"),
    [
        (["fill", "--color=a"], ":=", ["auto", "always"]),
        (["fill", "--color", "=", "a"], ":=", ["auto", "always"]),
        (["fill", "--color=a"], "", ["--color=auto", "--color=always"]),
        (["models", "path", "ech"], ":=", ["echo"]),
        (["complete", "hel"], ":=", []),
        (["complete", "--", "--col"], ":=", []),
    ],
)
def test_bash_as_old_as_that_of_macos(words: list[str], breaks: str, offered: list[str]) -> None:
    """bash 3.2 has no `compopt`, and does not cut words apart at `=`."""
    line = "starcoder " + " ".join(words).replace(" = ", "=")
    commands = (
        "enable -n compopt; source completions/starcoder.bash; complete -p starcoder;"
        'COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDBREAKS=$2; shift 2; COMP_WORDS=(starcoder "$@");'
        'COMP_CWORD=$#; _starcoder; ((${#COMPREPLY[@]})) && printf "%s\n" "${COMPREPLY[@]}"; true'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", commands, "bash", line, breaks, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    registered = "complete -o default -F _starcoder starcoder"
    assert (done.stdout.splitlines(), done.stderr) == ([registered, *offered], "")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("starcoder f", ["fill"]),
        ("starcoder fill --st", ["--stop", "--strict-context"]),
        ("starcoder fill --color=a", ["always", "auto"]),
        ("starcoder models rm ", INSTALLED),
        ("starcoder complete -m echo hel", ["hello.py"]),
    ],
)
def test_powershell(place: Place, line: str, expected: list[str]) -> None:
    need("pwsh")
    ask = (
        f". '{SCRIPTS}/starcoder.ps1'; "
        "(TabExpansion2 $env:line $env:line.Length).CompletionMatches.CompletionText"
    )
    shell = Asked(place, ["pwsh", "-NoProfile", "-NonInteractive", "-Command", ask])
    assert shell.candidates(line) == expected
    assert not place.canary.exists()


def test_powershell_reads_the_script_as_text_of_balanced_parts() -> None:
    """Where there is no PowerShell to ask, at least nothing is left open."""
    text = (SCRIPTS / "starcoder.ps1").read_text(encoding="ascii")
    bare = re.sub(r"'(?:[^']|'')*'|\"(?:[^\"`]|`.)*\"|#.*", "", text)
    assert not set("'\"`") & set(bare)
    while (shorter := re.sub(r"\([^][(){}]*\)|\[[^][(){}]*\]|\{[^][(){}]*\}", "", bare)) != bare:
        bare = shorter
    assert not re.search(r"[][(){}]", bare)


def test_the_scripts_are_those_of_the_app(tmp_path: Path) -> None:
    """Run `make goldens` where this fails."""
    generator = ROOT / "tools" / "completions.py"
    subprocess.run([sys.executable, generator, tmp_path], check=True)
    written = {path.name: path.read_text(encoding="ascii") for path in tmp_path.iterdir()}
    committed = {path.name: path.read_text(encoding="ascii") for path in SCRIPTS.iterdir()}
    assert sorted(written) == ["_starcoder", "starcoder.bash", "starcoder.fish", "starcoder.ps1"]
    assert written == committed
