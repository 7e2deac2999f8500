"""`starcoder config`: show what each option is set to and where, and set it."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from json import dumps
from typing import Annotated

import typer

from starcoder_cli.commands.defaults import (
    CONFIGURABLE_COMMANDS,
    KeyPlace,
    Settings,
    check_settings,
    command_section,
    configurable_options,
    key_place,
    read_defaults,
    settable_options,
)
from starcoder_cli.commands.registry import CONTEXT, load_command
from starcoder_cli.commands.value_checks import check_config_values, find_config_problem
from starcoder_cli.errors import ConfigError, UsageError
from starcoder_cli.net.endpoints import ENDPOINTS_TABLE, hide_secrets, parse_profiles
from starcoder_cli.settings import (
    config_file,
    decode_config,
    environment_name,
    read_config,
    read_config_bytes,
)
from starcoder_cli.terminal.output import write_json, write_message, write_text
from starcoder_cli.terminal.sanitize import to_one_line

MAX_KEY_PARTS = 3
"""As in `endpoints.NAME.url`."""

app = typer.Typer(
    name="config",
    add_completion=False,
    context_settings=CONTEXT,
)

ConfigKey = Annotated[
    str,
    typer.Argument(
        metavar="KEY",
        help="An option as in the file: max_tokens, fill.max_tokens, endpoints.NAME.url.",
        show_default=False,
    ),
]
ConfigValue = Annotated[
    str,
    typer.Argument(
        metavar="VALUE",
        help='Its value; a list if the option takes several: \'["a", "b"]\'.',
        show_default=False,
    ),
]


@dataclass(frozen=True)
class OptionValue:
    """An option, its value, and where it is set: default, a file's path or a variable's name."""

    option: str
    value: object
    source: str


@app.callback(invoke_without_command=True)
def config(
    context: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")] = False,
) -> None:
    """Show each option's value and where it comes from, or set it.

    A flag overrides the environment (STARCODER_MAX_TOKENS), which overrides the configuration file
    (max_tokens = 128, or the same in a table named after a command), which overrides the default.
    """
    if context.invoked_subcommand is not None:
        return
    read_defaults()
    values = {command: command_values(command) for command in CONFIGURABLE_COMMANDS}
    rows = [
        *map(without_secrets, merge_values(values)),
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


@app.command("path")
def print_config_path() -> None:
    """Print the path of the configuration file, even if it does not exist."""
    write_text(f"{config_file()}\n")


@app.command("schema")
def print_config_schema() -> None:
    """Print the JSON Schema of the configuration file, for editors to check and complete it."""
    from importlib.resources import files

    schema = files("starcoder_cli") / "schemas" / "config.schema.json"
    write_text(schema.read_text(encoding="utf-8"))


@app.command("edit")
def edit_config() -> None:
    """Open the configuration file in $VISUAL or $EDITOR, then check it.

    Errors are reported with their line; the file is kept as written.
    """
    from starcoder_cli.app.config_file import edit_config as edit

    path = edit(check_config_file)
    write_message(f"{to_one_line(str(path))} is in order")


def check_config_file() -> None:
    """Raise ConfigError if the configuration file is invalid."""
    path = config_file()
    data = read_config_bytes(path)
    settings, place = decode_config(data, path), key_place(path, data)
    check_settings(settings, place)
    check_config_values(settings, place)


@app.command("set", context_settings={**CONTEXT, "ignore_unknown_options": True})
def set_config(key: ConfigKey, value: ConfigValue) -> None:
    """Set an option in the configuration file; its comments and order are kept.

    Key and value are checked as when the file is read; an invalid file is not changed.
    """
    from starcoder_cli.app.config_file import ConfigText

    keys = parse_key(key)
    current = ConfigText.read()
    read_defaults()
    parsed = parse_value(keys, value)
    settings = with_setting(read_config(current.path), keys, parsed)
    if problem := find_config_problem(settings, keys):
        raise problem
    text = current.with_value(keys, parsed)
    check_text(text, lambda keys: "the command line")
    current.save(text)
    write_message(to_one_line(f"{current.path}: {key} is {format_value(parsed)}"))


@app.command("unset")
def unset_config(key: ConfigKey) -> None:
    """Remove an option from the configuration file; everything else is kept."""
    from starcoder_cli.app.config_file import ConfigText

    current = ConfigText.read()
    text = current.without(parse_key(key))
    check_text(text, lambda keys: f"{current.path} still")
    current.save(text)
    write_message(to_one_line(f"{current.path}: {key} is not set any more"))


def with_setting(settings: Mapping[str, object], keys: Sequence[str], value: object) -> Settings:
    """Replace the value of a key in settings."""
    first, *rest = keys
    inner = settings.get(first)
    table = inner if isinstance(inner, dict) else {}
    return {**settings, first: with_setting(table, rest, value) if rest else value}


def parse_key(text: str) -> tuple[str, ...]:
    """Split a key into its tables and its name."""
    keys = tuple(text.split("."))
    if not all(keys) or len(keys) > MAX_KEY_PARTS:
        raise UsageError(
            f"{text!r} is not a valid key", "write one as max_tokens or fill.max_tokens"
        )
    return keys


def parse_value(keys: tuple[str, ...], text: str) -> object:
    """Convert a command-line word to the value of a key, by the option that it sets.

    It stays a text if there is no such option. Raises UsageError for an invalid value.
    """
    known = configurable_options()
    commands = keys[:1] if len(keys) == 2 and keys[0] in known else CONFIGURABLE_COMMANDS
    command = next((each for each in commands if keys[-1] in known[each]), None)
    if command is None or len(keys) > 2 or (len(keys) == 2 and keys[0] not in known):
        return text
    option = known[command][keys[-1]]
    context = typer.Context(load_command(command))
    try:
        value: object = parse_list(text) if option.multiple else text
        return option.process_value(context, value)
    except typer.BadParameter as error:
        raise UsageError(
            f"{'.'.join(keys)} is invalid: {error.message}", f"see `starcoder {command} --help`"
        ) from error


def parse_list(text: str) -> object:
    """Parse a TOML list; any other text becomes a list of one."""
    if not text.startswith("["):
        return [text]
    from starcoder_cli.system.bounded_toml import parse_toml

    try:
        return parse_toml(f"list = {text}".encode())["list"]
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not a list of texts") from error


def check_text(text: str, place: KeyPlace) -> None:
    """Check a new configuration text; raises UsageError if it is invalid."""
    path = config_file()
    try:
        check_settings(decode_config(text.encode(), path), place)
    except ConfigError as error:
        raise UsageError(error.message, error.hint) from error
    except UnicodeEncodeError as error:
        raise UsageError("the value is not UTF-8, as TOML has to be", "give other text") from error


def format_value(value: object) -> str:
    """Format a value for people: a text as it is, None as nothing, everything else as in TOML."""
    if value is None or isinstance(value, str):
        return value or ""
    return dumps(value, ensure_ascii=False)


def merge_values(by_command: Mapping[str, list[OptionValue]]) -> Iterator[OptionValue]:
    """One row for an option whose commands all agree, else one each, such as `chat.model`."""
    rows = [(command, value) for command, values in by_command.items() for value in values]
    for command, value in rows:
        same = [other for _, other in rows if other.option == value.option]
        if any(other != value for other in same):
            yield OptionValue(f"{command}.{value.option}", value.value, value.source)
        elif value is same[0]:
            yield value


def without_secrets(row: OptionValue) -> OptionValue:
    """A row for display: an address may contain a password, which is hidden."""
    has_address = row.option.endswith(("endpoint", "_url")) and isinstance(row.value, str)
    return replace(row, value=hide_secrets(str(row.value))) if has_address else row


def command_values(command: str) -> list[OptionValue]:
    """The values of a command's configurable options."""
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
                    f"{variable} is invalid: {error.message}", f"see `starcoder {command} --help`"
                ) from error
        elif name in chosen:
            found.append(OptionValue(name, chosen[name], str(config_file())))
        else:
            found.append(OptionValue(name, option.default, "default"))
    return found


def endpoint_values() -> Iterator[OptionValue]:
    """The endpoints in the configuration file."""
    for name, profile in parse_profiles(read_config(config_file())).items():
        for key, value in vars(profile).items():
            if value:
                yield OptionValue(f"{ENDPOINTS_TABLE}.{name}.{key}", value, str(config_file()))
