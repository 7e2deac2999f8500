"""Real shells with our completion scripts, asked for candidates or typed at."""

import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pexpect
import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "completions"


@dataclass(frozen=True)
class Place:
    """A folder with files, a folder with models, and programs that tell when they are run."""

    folder: Path
    environment: dict[str, str]
    canary: Path


class Shell(Protocol):
    """A shell that has read its completion script."""

    def candidates(self, line: str) -> list[str]:
        """Everything that may stand at the end of a line, in the order of the alphabet."""

    def close(self) -> None:
        """End the shell."""


@dataclass(frozen=True)
class Asked:
    """A shell that tells the candidates itself."""

    place: Place
    command: Sequence[str]

    def candidates(self, line: str) -> list[str]:
        done = subprocess.run(
            self.command,
            env={**self.place.environment, "line": line},
            cwd=self.place.folder,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
        words = (row.partition("\t")[0] for row in done.stdout.splitlines())
        return sorted(word.rpartition("=")[2].removeprefix("./") for word in words)

    def close(self) -> None:
        """Nothing is open."""


class Terminal:
    """bash or zsh at a terminal: keys go in, and the line that comes of them is read back.

    Ctrl-X a inserts every candidate, Ctrl-X t prints the line.
    """

    def __init__(self, place: Place, arguments: Sequence[str], setup: Sequence[str]) -> None:
        self._process = pexpect.spawn(
            arguments[0],
            list(arguments[1:]),
            env={**place.environment, "PS1": "$ "},
            cwd=str(place.folder),
            dimensions=(50, 200),
            encoding="utf-8",
            timeout=60,
        )
        for command in setup:
            self._process.sendline(command)
        self._process.sendline("printf '<%s>' ready")
        self._process.expect_exact("<ready>")

    def press(self, line: str, keys: str) -> str:
        """The line after some keys at its end; it is empty again afterwards."""
        self._process.send(f"{line}{keys}\x18t")
        self._process.expect(r"<<<(.*?)>>>")
        assert self._process.match
        edited = str(self._process.match[1])
        self._process.send("\x15")
        return edited

    def candidates(self, line: str) -> list[str]:
        head = line[: max(line.rfind(" "), line.rfind("=")) + 1]
        edited = self.press(line, "\x18a")
        assert edited.startswith(head)
        return sorted(word.rpartition("=")[2] for word in edited.removeprefix(head).split())

    def close(self) -> None:
        """End the shell."""
        self._process.close(force=True)


def fish(place: Place) -> Asked:
    """A fish that has read nothing but our script."""
    ask = f"source '{SCRIPTS}/starcoder.fish'; complete -C $line"
    return Asked(place, ["fish", "--no-config", "-c", ask])


def bash(place: Place) -> Terminal:
    """A bash that has read nothing but our script."""
    return Terminal(
        place,
        ["bash", "--norc", "--noprofile", "-i"],
        [
            "bind 'set bell-style none'",
            "bind '\"\\C-xa\": insert-completions'",
            'bind -x \'"\\C-xt": printf "<<<%s>>>" "$READLINE_LINE"\'',
            f"source '{SCRIPTS}/starcoder.bash'",
        ],
    )


def zsh(place: Place) -> Terminal:
    """A zsh that finds our script as its users' shells do."""
    return Terminal(
        place,
        ["zsh", "-f", "-i"],
        [
            "setopt no_beep no_prompt_sp",
            f"fpath=('{SCRIPTS}' $fpath)",
            f"autoload -Uz compinit && compinit -u -d '{place.canary.parent}/zcompdump'",
            "every() { _main_complete; compstate[insert]=all; compstate[list]= }",
            "zle -C every complete-word every && bindkey '^Xa' every",
            'tell() { print -rn -- "<<<$BUFFER>>>" }',
            "zle -N tell && bindkey '^Xt' tell",
            *(f"OSTYPE={kind}" for kind in [place.environment.get("OSTYPE")] if kind),
        ],
    )


SHELLS: Mapping[str, Callable[[Place], Shell]] = {
    "bash": bash,
    "zsh": zsh,
    "fish": fish,
}


def opened(name: str, place: Place) -> Shell:
    """A shell by its name."""
    need(name)
    return SHELLS[name](place)


def need(name: str) -> None:
    """Skip the test where a shell is not installed."""
    if not shutil.which(name):
        pytest.skip(f"{name} is not installed")
