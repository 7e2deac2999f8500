"""The configuration file as command defaults: what it may set, and where it is invalid."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast

import typer

from starcoder_cli.commands.registry import load_command
from starcoder_cli.errors import ConfigError, UsageError
from starcoder_cli.net.endpoints import ENDPOINTS_TABLE, parse_profiles, profile_value_error
from starcoder_cli.settings import config_file, decode_config, read_config_bytes
from starcoder_cli.system.did_you_mean import did_you_mean

if TYPE_CHECKING:
    from typer.core import TyperOption

    from starcoder_cli.commands.parameters import Command

CONFIGURABLE_COMMANDS = ("complete", "fill", "edit", "chat", "trace", "lsp")

Settings: TypeAlias = Mapping[str, object]
KeyPlace: TypeAlias = Callable[[tuple[str, ...]], str]
"""Where a key is set, in words: a line of a file."""


def settable_options(command: "Command") -> "dict[str, TyperOption]":
    """A command's options that have an environment variable, by name."""
    options = cast("list[TyperOption]", command.params)
    return {option.name: option for option in options if getattr(option, "envvar", None)}


def configurable_options() -> "dict[str, dict[str, TyperOption]]":
    """The options that the configuration may set, by command and name."""
    return {command: settable_options(load_command(command)) for command in CONFIGURABLE_COMMANDS}


def command_section(settings: Settings, command: str) -> dict[str, object]:
    """The file's values for one command: its own table overrides the top level."""
    table = settings.get(command)
    above = {key: value for key, value in settings.items() if not is_table(key, value)}
    return {**above, **table} if isinstance(table, dict) else above


def is_table(key: str, value: object) -> bool:
    """Whether a key is not an option: `trace` is a command's table, or an option of others."""
    return key == ENDPOINTS_TABLE or (key in CONFIGURABLE_COMMANDS and isinstance(value, dict))


def read_defaults() -> dict[str, dict[str, object]]:
    """Read the configuration file as defaults for each command.

    Raises ConfigError for a name or value that no command understands.
    """
    path = config_file()
    data = read_config_bytes(path)
    return check_settings(decode_config(data, path), key_place(path, data))


def key_place(path: Path, data: bytes) -> KeyPlace:
    """A function that finds the line of a key in the bytes of a file."""

    def line_of(keys: tuple[str, ...]) -> str:
        from starcoder_cli.files.toml_text import find_key_line

        return f"{path}:{find_key_line(data.decode(), keys)}"

    return line_of


def find_config_place(command: str, name: str) -> str:
    """The line of the configuration file that sets an option for a command."""
    path = config_file()
    data = read_config_bytes(path)
    table = decode_config(data, path).get(command)
    own = isinstance(table, dict) and name in table
    return key_place(path, data)((command, name) if own else (name,))


def check_settings(settings: Settings, place: KeyPlace) -> dict[str, dict[str, object]]:
    """Check settings and split them by command.

    Raises ConfigError for a name or value that no command understands, with its place.
    """
    known = configurable_options()
    every = {option for options in known.values() for option in options}
    for name, profile in parse_profiles(settings).items():
        if profile.fim:
            check_family(name, profile.fim)
    for key, value in settings.items():
        if key == ENDPOINTS_TABLE:
            continue
        table = value if key in CONFIGURABLE_COMMANDS and isinstance(value, dict) else None
        unknown = set(table) - set(known[key]) if table is not None else {key} - every
        if unknown:
            name = min(unknown)
            close = "" if name in every else did_you_mean(name, sorted(every))
            raise ConfigError(
                f"{place((name,) if table is None else (key, name))} sets {name!r}, "
                "which is not an option",
                close or f"options are {', '.join(sorted(every if table is None else known[key]))}",
            )
    return {command: checked_section(settings, command, place) for command in CONFIGURABLE_COMMANDS}


def check_family(endpoint: str, family: str) -> None:
    """Raise ConfigError if an endpoint names an unknown model family."""
    from starcoder_cli.app.request import EndpointOptions

    try:
        EndpointOptions(fim=family)
    except UsageError as error:
        raise profile_value_error(endpoint, "fim", error) from error


def checked_section(settings: Settings, command: str, place: KeyPlace) -> dict[str, object]:
    """The values that a command has options for, each checked against the option's type."""
    loaded, table = load_command(command), settings.get(command)
    known = {str(option.name): option for option in loaded.params}
    chosen = command_section(settings, command)
    taken = {key: value for key, value in chosen.items() if key in known}
    for key, value in taken.items():
        try:
            known[key].process_value(typer.Context(loaded), value)
        except typer.TyperException as error:
            own = isinstance(table, dict) and key in table
            raise ConfigError(
                f"{place((command, key) if own else (key,))} sets {key} to {value!r}, "
                "which it cannot be",
                f"see `starcoder {command} --help`",
            ) from error
    return taken
