"""`starcoder config`: what each option is set to, and where that comes from."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from json import dumps
from typing import TYPE_CHECKING, Annotated, cast

import typer

from starcoder_cli.commands.registry import load_command
from starcoder_cli.errors import ConfigError
from starcoder_cli.net.endpoints import ENDPOINTS_TABLE, parse_profiles
from starcoder_cli.settings import config_file, environment_name, read_config
from starcoder_cli.system.did_you_mean import did_you_mean
from starcoder_cli.terminal.output import write_json, write_text
from starcoder_cli.terminal.sanitize import to_one_line

if TYPE_CHECKING:
    from typer.core import TyperOption

    from starcoder_cli.commands.parameters import Command

CONFIGURABLE_COMMANDS = ("complete", "fill", "edit", "chat", "trace", "lsp")


@dataclass(frozen=True)
class OptionValue:
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
    rows = [
        *merge_values({command: command_values(command) for command in CONFIGURABLE_COMMANDS}),
        *endpoint_values(),
    ]
    if json:
        for row in rows:
            write_json(vars(row))
        return
    path = config_file()
    write_text(f"# {to_one_line(str(path))}{'' if os.path.lexists(path) else ' (not there)'}\n")
    width = max(len(row.option) for row in rows)
    for row in rows:
        text = to_one_line(format_value(row.value))
        write_text(f"{row.option:<{width}}  {text:<18}  {to_one_line(row.source)}\n")


def format_value(value: object) -> str:
    """A value for people: a text as it is, nothing for none, everything else as TOML has it."""
    if value is None or isinstance(value, str):
        return value or ""
    return dumps(value, ensure_ascii=False)


def merge_values(by_command: Mapping[str, list[OptionValue]]) -> Iterator[OptionValue]:
    """One row for an option that all its commands have alike, else one each: `chat.model`."""
    rows = [(command, value) for command, values in by_command.items() for value in values]
    for command, value in rows:
        same = [other for _, other in rows if other.option == value.option]
        if any(other != value for other in same):
            yield OptionValue(f"{command}.{value.option}", value.value, value.source)
        elif value is same[0]:
            yield value


def command_values(command: str) -> list[OptionValue]:
    """Every option of a command that can be set beforehand."""
    loaded = load_command(command)
    chosen = command_section(read_config(config_file()), command)
    context = typer.Context(loaded)
    found = []
    for name, option in settable_options(loaded).items():
        variable = environment_name(name)
        if (given := option.value_from_envvar(context)) is not None:
            try:
                found.append(OptionValue(name, option.process_value(context, given), variable))
            except typer.BadParameter as error:
                raise ConfigError(
                    f"{variable} cannot be: {error.message}", f"see `starcoder {command} --help`"
                ) from error
        elif name in chosen:
            found.append(OptionValue(name, chosen[name], str(config_file())))
        else:
            found.append(OptionValue(name, option.default, "default"))
    return found


def endpoint_values() -> Iterator[OptionValue]:
    """What the configuration file says of endpoints."""
    for name, profile in parse_profiles(read_config(config_file())).items():
        for key, value in vars(profile).items():
            if value:
                yield OptionValue(f"{ENDPOINTS_TABLE}.{name}.{key}", value, str(config_file()))


def settable_options(command: "Command") -> "dict[str, TyperOption]":
    """The options of a command that have an environment variable, by name."""
    options = cast("list[TyperOption]", command.params)
    return {option.name: option for option in options if getattr(option, "envvar", None)}


def command_section(settings: Mapping[str, object], command: str) -> dict[str, object]:
    """The values of the file for one command: its own table over what stands above all tables."""
    table = settings.get(command)
    above = {key: value for key, value in settings.items() if not is_table(key, value)}
    return {**above, **table} if isinstance(table, dict) else above


def is_table(key: str, value: object) -> bool:
    """Whether a key is not an option: `trace` is a command's table, or the option of others."""
    return key == ENDPOINTS_TABLE or (key in CONFIGURABLE_COMMANDS and isinstance(value, dict))


def read_defaults() -> dict[str, dict[str, object]]:
    """The configuration file as defaults for each command.

    Raises ConfigError for a name or a value that no command understands.
    """
    settings = read_config(config_file())
    known = {command: settable_options(load_command(command)) for command in CONFIGURABLE_COMMANDS}
    every = {option for options in known.values() for option in options}
    parse_profiles(settings)
    for key, value in settings.items():
        if key == ENDPOINTS_TABLE:
            continue
        table = value if key in CONFIGURABLE_COMMANDS and isinstance(value, dict) else None
        unknown = set(table) - set(known[key]) if table is not None else {key} - every
        if unknown:
            name = min(unknown)
            close = "" if name in every else did_you_mean(name, sorted(every))
            raise ConfigError(
                f"{config_file()} sets {name!r}, which is no option",
                close or f"options are {', '.join(sorted(every))}",
            )
    return {
        command: checked_section(load_command(command), command_section(settings, command))
        for command in CONFIGURABLE_COMMANDS
    }


def checked_section(command: "Command", chosen: Mapping[str, object]) -> dict[str, object]:
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
