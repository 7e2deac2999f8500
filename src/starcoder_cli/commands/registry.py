"""Which commands there are; each is imported when it is asked for."""

from importlib import import_module
from typing import TYPE_CHECKING, cast

import typer

from starcoder_cli.commands.coercion import lighten

if TYPE_CHECKING:
    from starcoder_cli.commands.coercion import Command

COMMANDS = ("complete", "fill", "edit", "chat", "models", "config", "doctor")
HELP = ["-h", "--help"]
CONTEXT = {"help_option_names": HELP}


def load(name: str) -> "Command":
    """A command from its module: its function, or its app where it has commands of its own."""
    module = import_module(f"starcoder_cli.commands.{name}")
    found = getattr(module, "app", None)
    if found is None:
        found = typer.Typer(add_completion=False, context_settings=CONTEXT)
        found.command(name)(getattr(module, name))
    command = cast("Command", typer.main.get_command(found))
    command.name = name
    tidy(command)
    lighten(command)
    return command


def tidy(command: "Command") -> None:
    """Help as it should read: paragraphs flow, and no switch looks as if it took a value."""
    paragraphs = (command.help or "").split("\n\n")
    command.help = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    for option in command.get_params(typer.Context(command, help_option_names=HELP)):
        if getattr(option, "is_flag", False):
            setattr(option, "metavar", "")  # noqa: B010 - not every parameter has one
    for subcommand in getattr(command, "commands", {}).values():
        tidy(subcommand)
