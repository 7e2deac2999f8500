"""Every `--help`, whole."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from starcoder_cli.commands.registry import COMMANDS, load_command

# One process for all of them, away from whatever this one's terminal and environment look like.
SCRIPT = """
import contextlib, io, json, sys
from starcoder_cli.cli import main

found = {}
for name in sys.argv[1:]:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        code = main([*name.split(), "--help"])
    found[name] = [code, out.getvalue()]
print(json.dumps(found))
"""


def names() -> list[str]:
    """The commands, those of `models` among them, and none at all."""
    nested = {name: getattr(load_command(name), "commands", {}) for name in COMMANDS}
    return ["", *COMMANDS, *(f"{name} {inner}" for name in nested for inner in nested[name])]


@pytest.fixture(scope="module")
def helps() -> dict[str, tuple[int, str]]:
    """Exit code and output of each `--help` in 80 columns."""
    environment = {"PATH": os.environ["PATH"], "COLUMNS": "80", "LANG": "C.UTF-8", "HOME": "/"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *names()], env=environment, capture_output=True, check=True
    )
    found: dict[str, tuple[int, str]] = json.loads(done.stdout)
    assert done.stderr == b""
    return found


@pytest.mark.parametrize("name", names())
def test_help(
    name: str, helps: dict[str, tuple[int, str]], golden: Callable[[str, str], None]
) -> None:
    code, text = helps[name]
    assert code == 0
    golden("-".join(["help", *name.split()]) + ".txt", text)


def test_switches_do_not_look_as_if_they_took_a_value(
    helps: dict[str, tuple[int, str]],
) -> None:
    assert [name for name, (_, text) in helps.items() if "<bool>" in text] == []


@pytest.mark.parametrize("name", ["complete", "fill", "edit", "chat"])
def test_every_option_of_what_answers_has_its_panel(
    name: str, helps: dict[str, tuple[int, str]]
) -> None:
    (panel,) = (each for each in helps[name][1].split("╭─ ") if each.startswith("Options"))
    assert re.findall(r"--[\w-]+", panel) == ["--help"]
