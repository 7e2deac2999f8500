"""The commands; each is imported only when it is needed."""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, cast

import typer

from starcoder_cli.commands.parameters import use_light_converters
from starcoder_cli.commands.short_help import add_short_help, option_choices

if TYPE_CHECKING:
    from starcoder_cli.commands.parameters import Command

COMMANDS = {
    "complete": "Continue a file from its end or from a place in it, or continue standard input.",
    "fill": "Replace a range of a file with what the model would write there.",
    "edit": "Rewrite code to follow an instruction: a file, a range of one, or a notebook's cell.",
    "chat": "Answer a question about code, or several in a session at a terminal.",
    "eval": "Measure a model on your code, or on public benchmarks such as those StarCoder's "
    "authors used.",
    "trace": "Trace code to its origin: which parts of it are in the index, the longest first.",
    "index": "Manage the index of `starcoder trace`: add, list, update and remove code.",
    "tune": "Teach a model the code of your repository, and use the result by its name.",
    "models": "List, search, pull, remove and show models.",
    "serve": "Run, in the foreground, the server that keeps models loaded for other commands.",
    "lsp": "Answer an editor over the language server protocol, on standard input and output.",
    "ps": "List the models that the server has loaded.",
    "stop": "Stop the server and unload its models.",
    "bench": "Measure how fast models are on this machine, side by side.",
    "config": "Show each option's value and where it comes from, or set it.",
    "completion": "Print the script that lets a shell complete starcoder's commands and options "
    "with Tab.",
    "bundle": "Put the program, its libraries and a model into one folder, for a machine without a "
    "network.",
    "doctor": "Check the installation, the machine and the Hugging Face hub, and which StarCoder "
    "models fit here.",
}
"""The commands, each with the first sentence of its help, so that they can be listed unimported."""

HELP = ["-h", "--help"]
CONTEXT = {"help_option_names": HELP}


def load_command(name: str) -> "Command":
    """Load a command from its module: its function, or its app if it has subcommands."""
    module = import_module(f"starcoder_cli.commands.{name}")
    found = getattr(module, "app", None)
    if found is None:
        found = typer.Typer(add_completion=False, context_settings=CONTEXT)
        found.command(name)(getattr(module, name))
    command = cast("Command", typer.main.get_command(found))
    command.name = name
    add_short_help(command, name)
    tidy_help(command)
    use_light_converters(command)
    return command


def listed_command(name: str) -> "Command":
    """A command with just enough for a list of commands."""
    from typer.core import TyperCommand

    return TyperCommand(name, help=COMMANDS[name])


def tidy_help(command: "Command") -> None:
    """Tidy the help: paragraphs are rewrapped, and no switch seems to take a value."""
    paragraphs = (command.help or "").split("\n\n")
    command.help = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    for option in command.get_params(typer.Context(command, help_option_names=HELP)):
        if getattr(option, "is_flag", False):
            setattr(option, "metavar", "")  # noqa: B010 - not every parameter has one
        elif getattr(option, "metavar", "") is None and not option_choices(option):
            setattr(option, "metavar", value_name(option))  # noqa: B010
    for subcommand in getattr(command, "commands", {}).values():
        tidy_help(subcommand)


def value_name(option: object) -> str:
    """The help's placeholder for an option's value: a number, or the last word of its name."""
    kind = getattr(getattr(option, "type_descriptor", None), "annotation", None)
    names: Mapping[object, str] = {int: "N", float: "NUMBER"}
    return names.get(kind) or str(getattr(option, "name", "")).rpartition("_")[2].upper()
