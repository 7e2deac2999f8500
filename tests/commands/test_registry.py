"""Which commands there are, and how each is loaded, listed and helped."""

import subprocess
import sys
from pathlib import Path

import pytest

from starcoder_cli import commands
from starcoder_cli.cli import main
from starcoder_cli.commands.registry import COMMANDS, HELP, listed_command, load_command

SHARED_MODULES = {
    "defaults",
    "examples",
    "exclusive",
    "expand",
    "groups",
    "hole_groups",
    "options",
    "parameters",
    "registry",
    "short_help",
    "value_checks",
}


def test_every_module_of_the_folder_is_a_command_or_shared_by_them() -> None:
    names = {path.stem for path in Path(next(iter(commands.__path__))).glob("[!_]*.py")}
    assert names - SHARED_MODULES == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_listed_with_what_its_help_begins_with(name: str) -> None:
    assert str(load_command(name).help).partition("\n\n")[0] == COMMANDS[name]
    assert (listed_command(name).name, listed_command(name).help) == (name, COMMANDS[name])


@pytest.mark.parametrize("name", COMMANDS)
def test_the_paragraphs_of_a_help_flow(name: str) -> None:
    found = load_command(name)
    assert found.name == name
    for command in (found, *getattr(found, "commands", {}).values()):
        paragraphs = str(command.help).split("\n\n")
        assert all(paragraph and "\n" not in paragraph for paragraph in paragraphs)
        assert not any("  " in paragraph for paragraph in paragraphs)


def test_a_command_with_commands_of_its_own_has_them() -> None:
    models = getattr(load_command("models"), "commands", {})
    assert sorted(models) == ["list", "path", "pull", "recommend", "rm", "search", "show", "use"]
    assert not hasattr(load_command("complete"), "commands")


@pytest.mark.parametrize("flag", HELP)
@pytest.mark.parametrize("words", [[], ["complete"], ["models"], ["models", "list"]])
def test_help_is_asked_for_by_a_letter_too(
    words: list[str], flag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, flag]) == 0
    out, err = capsys.readouterr()
    assert "Usage: " in out and "<bool>" not in out
    assert err == ""


def test_the_list_of_commands_loads_none_of_them() -> None:
    script = (
        "import sys; from starcoder_cli.cli import main; main(['--help']);"
        "names = [name for name in sys.modules if name.startswith('starcoder_cli.commands.')];"
        "print(*sorted(names), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert {name.rpartition(".")[2] for name in done.stderr.split()} <= SHARED_MODULES
    assert set(COMMANDS) <= set(done.stdout.split())
