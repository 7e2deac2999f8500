"""Mutually exclusive switches: the one set closest to the command line wins."""

from collections.abc import Callable

import typer

from starcoder_cli.errors import UsageError

SOURCES = ("COMMANDLINE", "ENVIRONMENT", "DEFAULT_MAP")
"""Where a switch may be set, highest priority first: a flag, a variable, the configuration file."""


def choose_one_of(
    one: str, other: str
) -> Callable[[typer.Context, typer.CallbackParam, bool], bool]:
    """Create the Typer callback for two exclusive switches, given their parameter names.

    If both are set, the one from the source of higher priority wins. Raises UsageError if both come
    from the same source.
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
    """The rank of the source of a parameter; 0 is the command line."""
    source = context.get_parameter_source(name)
    return SOURCES.index(source.name) if source and source.name in SOURCES else len(SOURCES)
