"""Switches of which only one can hold: the command line decides, and asks for no two."""

from collections.abc import Callable

import typer

from starcoder_cli.errors import UsageError

SOURCES = ("COMMANDLINE", "ENVIRONMENT", "DEFAULT_MAP")
"""Where a switch may be set, by what counts more: a word, a variable, the configuration file."""


def choose_one_of(
    one: str, other: str
) -> Callable[[typer.Context, typer.CallbackParam, bool], bool]:
    """What Typer calls with the value of either of two switches, by the names of parameters.

    Of two that are set, the one counts that was set nearer to the command. Raises UsageError where
    both were set in the same place.
    """

    def choose(context: typer.Context, switch: typer.CallbackParam, value: bool) -> bool:
        name = switch.name or ""
        rival = one if name == other else other
        if not value or not context.params.get(rival):
            return value
        mine, theirs = (source_rank(context, each) for each in (name, rival))
        if mine == theirs:
            raise UsageError(f"--{one} and --{other} cannot be used together", "choose one")
        if mine < theirs:
            context.params[rival] = False
        return mine < theirs

    return choose


def source_rank(context: typer.Context, name: str) -> int:
    """How far from the command a parameter was set."""
    source = context.get_parameter_source(name)
    return SOURCES.index(source.name) if source and source.name in SOURCES else len(SOURCES)
