"""Which commands there are; each is imported when it is asked for."""

from importlib import import_module
from typing import TYPE_CHECKING, cast

import typer

from starcoder_cli.commands.parameters import use_light_converters

if TYPE_CHECKING:
    from starcoder_cli.commands.parameters import Command

COMMANDS = {
    "complete": "Continue a file, everything up to a place in it, or standard input.",
    "fill": "Replace a range of a file with what the model would write there.",
    "edit": "Write code anew as an instruction says: a file, a range of one, or a notebook's cell.",
    "chat": "Answer a question about code, or several in a session at a terminal.",
    "eval": "Measure a model in a benchmark that StarCoder is known by, or on your own code.",
    "trace": "Show where code may come from: what of it is in the index, the longest first.",
    "index": "Say which code `starcoder trace` knows: add, list, update and remove it.",
    "tune": "Teach a model the code of your repository, and use the result by its name.",
    "models": "List, search, pull, remove and show models.",
    "serve": "Keep models loaded for other commands, until Ctrl-C.",
    "lsp": "Answer an editor over the language server protocol, on standard input and output.",
    "ps": "Show which models the server holds.",
    "stop": "End the server, and let its models go.",
    "bench": "Measure how fast models are on this machine, side by side.",
    "config": "Show each option's value and where it comes from, or set it.",
    "completion": "Print the script that lets a shell complete the words of starcoder with Tab.",
    "doctor": "Check the installation, the machine and the hub, and which StarCoder models fit "
    "here.",
}
"""Their names, and the first sentence of the help of each, which is listed without them."""

HELP = ["-h", "--help"]
CONTEXT = {"help_option_names": HELP}


def load_command(name: str) -> "Command":
    """A command from its module: its function, or its app where it has commands of its own."""
    module = import_module(f"starcoder_cli.commands.{name}")
    found = getattr(module, "app", None)
    if found is None:
        found = typer.Typer(add_completion=False, context_settings=CONTEXT)
        found.command(name)(getattr(module, name))
    command = cast("Command", typer.main.get_command(found))
    command.name = name
    tidy_help(command)
    use_light_converters(command)
    return command


def listed_command(name: str) -> "Command":
    """A command as far as a list of commands shows it."""
    from typer.core import TyperCommand

    return TyperCommand(name, help=COMMANDS[name])


def tidy_help(command: "Command") -> None:
    """Help as it should read: paragraphs flow, and no switch looks as if it took a value."""
    paragraphs = (command.help or "").split("\n\n")
    command.help = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    for option in command.get_params(typer.Context(command, help_option_names=HELP)):
        if getattr(option, "is_flag", False):
            setattr(option, "metavar", "")  # noqa: B010 - not every parameter has one
    for subcommand in getattr(command, "commands", {}).values():
        tidy_help(subcommand)
