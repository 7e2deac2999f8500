"""`starcoder config`: what each option is set to, and where that comes from."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from json import dumps
from typing import TYPE_CHECKING, Annotated, cast

import typer

from starcoder_cli.commands.registry import load
from starcoder_cli.errors import ConfigError
from starcoder_cli.net.endpoints import TABLE, profiles
from starcoder_cli.settings import config_file, environment_name, read_config
from starcoder_cli.terminal.output import write_json, write_text
from starcoder_cli.terminal.sanitize import one_line

if TYPE_CHECKING:
    from typer.core import TyperOption

    from starcoder_cli.commands.parameters import Command

COMMANDS = ("complete", "fill", "edit", "chat", "trace")


@dataclass(frozen=True)
class Value:
    """An option, what it is set to, and where: default, a file's path or a variable's name."""

    option: str
    value: object
    source: str


def config(
    json: Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")] = False,
) -> None:
    """Show each option's value and where it comes from.

    A flag wins over the environment (STARCODER_MAX_TOKENS), that over the configuration file
    (max_tokens = 128, or the same in a table with a command's name), that over the default.
    """
    found = [*merged({command: values(command) for command in COMMANDS}), *endpoints()]
    if json:
        for row in found:
            write_json(vars(row))
        return
    path = config_file()
    write_text(f"# {one_line(str(path))}{'' if os.path.lexists(path) else ' (not there)'}\n")
    width = max(len(row.option) for row in found)
    for row in found:
        shown = one_line(in_words(row.value))
        write_text(f"{row.option:<{width}}  {shown:<18}  {one_line(row.source)}\n")


def in_words(value: object) -> str:
    """A value for people: a text as it is, nothing for none, everything else as TOML has it."""
    if value is None or isinstance(value, str):
        return value or ""
    return dumps(value, ensure_ascii=False)


def merged(found: Mapping[str, list[Value]]) -> Iterator[Value]:
    """One row for an option that all its commands have alike, else one each: `chat.model`."""
    rows = [(command, value) for command, values in found.items() for value in values]
    for command, value in rows:
        same = [other for _, other in rows if other.option == value.option]
        if any(other != value for other in same):
            yield Value(f"{command}.{value.option}", value.value, value.source)
        elif value is same[0]:
            yield value


def values(command: str) -> list[Value]:
    """Every option of a command that can be set beforehand."""
    loaded = load(command)
    chosen = for_command(read_config(config_file()), command)
    context = typer.Context(loaded)
    found = []
    for name, option in settable(loaded).items():
        variable = environment_name(name)
        if (given := option.value_from_envvar(context)) is not None:
            try:
                found.append(Value(name, option.process_value(context, given), variable))
            except typer.BadParameter as error:
                raise ConfigError(
                    f"{variable} cannot be: {error.message}", f"see `starcoder {command} --help`"
                ) from error
        elif name in chosen:
            found.append(Value(name, chosen[name], str(config_file())))
        else:
            found.append(Value(name, option.default, "default"))
    return found


def endpoints() -> Iterator[Value]:
    """What the configuration file says of endpoints."""
    for name, profile in profiles(read_config(config_file())).items():
        for key, value in vars(profile).items():
            if value:
                yield Value(f"{TABLE}.{name}.{key}", value, str(config_file()))


def settable(command: "Command") -> "dict[str, TyperOption]":
    """The options of a command that have an environment variable, by name."""
    options = cast("list[TyperOption]", command.params)
    return {option.name: option for option in options if getattr(option, "envvar", None)}


def for_command(settings: Mapping[str, object], command: str) -> dict[str, object]:
    """The values of the file for one command: its own table over what stands above all tables."""
    table = settings.get(command)
    above = {key: value for key, value in settings.items() if not is_table(key, value)}
    return {**above, **table} if isinstance(table, dict) else above


def is_table(key: str, value: object) -> bool:
    """Whether a key is not an option: `trace` is a command's table, or the option of others."""
    return key == TABLE or (key in COMMANDS and isinstance(value, dict))


def defaults() -> dict[str, dict[str, object]]:
    """The configuration file as defaults for each command.

    Raises ConfigError for a name or a value that no command understands.
    """
    settings = read_config(config_file())
    known = {command: settable(load(command)) for command in COMMANDS}
    every = {option for options in known.values() for option in options}
    profiles(settings)
    for key, value in settings.items():
        if key == TABLE:
            continue
        table = value if key in COMMANDS and isinstance(value, dict) else None
        unknown = set(table) - set(known[key]) if table is not None else {key} - every
        if unknown:
            raise ConfigError(
                f"{config_file()} sets {min(unknown)!r}, which is no option",
                f"options are {', '.join(sorted(every))}",
            )
    return {command: checked(load(command), for_command(settings, command)) for command in COMMANDS}


def checked(command: "Command", chosen: Mapping[str, object]) -> dict[str, object]:
    """The values that a command has options for; each has to be of the option's own type."""
    known = {str(option.name): option for option in command.params}
    taken = {key: value for key, value in chosen.items() if key in known}
    for key, value in taken.items():
        try:
            known[key].process_value(typer.Context(command), value)
        except typer.TyperException as error:
            raise ConfigError(
                f"{config_file()} sets {key} to {value!r}, which it cannot be",
                f"see `starcoder {command.name} --help`",
            ) from error
    return taken
