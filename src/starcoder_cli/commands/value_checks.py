"""Check preset values with the commands' own code.

If a command cannot use a value from the configuration file or the environment, its error says where
the value was set; `config set` refuses it in the same words.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import typer

from starcoder_cli.commands.defaults import (
    CONFIGURABLE_COMMANDS,
    KeyPlace,
    Settings,
    command_section,
    find_config_place,
    settable_options,
)
from starcoder_cli.commands.registry import load_command
from starcoder_cli.errors import ConfigError, StarcoderError
from starcoder_cli.settings import environment_name

if TYPE_CHECKING:
    from starcoder_cli.commands.parameters import Command


@dataclass(frozen=True)
class ValueCheck:
    """A check that raises StarcoderError for invalid values of some options.

    It is called with those options that are set. It applies to all commands unless some are named.
    """

    options: tuple[str, ...]
    check: Callable[..., object]
    commands: tuple[str, ...] = ()


def find_problem(command: str, values: Settings) -> StarcoderError | None:
    """The error a command would raise for option values; None if it accepts them."""
    for each in VALUE_CHECKS:
        given = {name: values[name] for name in each.options if values.get(name) is not None}
        if given and command in (each.commands or (command,)):
            try:
                each.check(**given)
            except StarcoderError as error:
                return error
    return None


def invoke_checked(
    command: "Command", invoke: Callable[[typer.Context], object], context: typer.Context
) -> object:
    """Invoke a command after checking the preset values.

    Raises ConfigError for an invalid one, but errors about flags come first.
    """
    sources = {
        name: getattr(context.get_parameter_source(name), "name", "")
        for name in settable_options(command)
    }
    given = {name: context.params[name] for name in sources if sources[name] == "COMMANDLINE"}
    preset = [name for name in sources if sources[name] in ("ENVIRONMENT", "DEFAULT_MAP")]
    if preset and (problem := find_problem(str(command.name), given)):
        raise problem
    for name in sorted(preset, key="endpoint".__ne__):  # it may be where the model is
        given[name] = context.params[name]
        if problem := find_problem(str(command.name), given):
            if sources[name] == "ENVIRONMENT":
                raise ConfigError(f"{environment_name(name)}: {problem.message}", problem.hint)
            raise config_value_error(find_config_place(str(command.name), name), name, problem)
    return invoke(context)


def with_checks(command: "Command") -> "Command":
    """Make a command check preset values when it is invoked."""
    setattr(command, "invoke", partial(invoke_checked, command, command.invoke))  # noqa: B010
    return command


def check_config_values(settings: Settings, place: KeyPlace) -> None:
    """Raise ConfigError for the first configuration value that no command accepts."""
    for key, value in settings.items():
        inner = value if key in CONFIGURABLE_COMMANDS and isinstance(value, dict) else None
        for keys in [(key,)] if inner is None else [(key, name) for name in inner]:
            if problem := find_config_problem(settings, keys):
                raise config_value_error(place(keys), keys[-1], problem)


def config_value_error(place: str, name: str, problem: StarcoderError) -> ConfigError:
    """The error for a value of the configuration file."""
    return ConfigError(f"{place} sets {name}: {problem.message}", problem.hint)


def find_config_problem(settings: Settings, keys: Sequence[str]) -> StarcoderError | None:
    """The error commands would raise for a configuration key; None if one accepts it.

    A command's own table takes precedence over the top level.
    """
    *tables, name = keys
    problems = []
    for command in CONFIGURABLE_COMMANDS:
        table = settings.get(command)
        has_own = isinstance(table, dict) and name in table
        is_read = tables == [command] if has_own else not tables
        if is_read and name in settable_options(load_command(command)):
            problems.append(find_problem_of_key(command, command_section(settings, command), name))
    return problems[0] if problems and all(problems) else None


def find_problem_of_key(command: str, section: Settings, name: str) -> StarcoderError | None:
    """The error a command would raise for one value, given the other values it accepts."""
    loaded = load_command(command)
    context, options = typer.Context(loaded), settable_options(loaded)
    values = {
        key: options[key].process_value(context, value)
        for key, value in section.items()
        if key in options
    }
    taken: dict[str, object] = {}
    for key in sorted(values.keys() - {name}, key="endpoint".__ne__):
        if not find_problem(command, {**taken, key: values[key]}):
            taken[key] = values[key]
    return find_problem(command, {**taken, name: values[name]})


def check_model(model: str | Sequence[str] = (), endpoint: str = "") -> None:
    """Check model names, which mean something else at an endpoint."""
    from starcoder_cli.catalog import find_model

    for name in () if endpoint else (model,) if isinstance(model, str) else model:
        find_model(name)


def check_sampling(**values: Any) -> None:
    """Check how many tokens are written, and how they are chosen."""
    from starcoder_cli.model import Sampling

    Sampling(**values)


def check_loading(**values: Any) -> None:
    """Check how a model is loaded."""
    from starcoder_cli.loading import LoadOptions

    LoadOptions(**values)


def check_timeout(timeout: float) -> None:
    """Check how long a command may take."""
    from starcoder_cli.system.timing import require_time_limit

    require_time_limit(timeout)


def check_keep_alive(keep_alive: str) -> None:
    """Check how long a server holds a model."""
    from starcoder_cli.system.timing import parse_duration

    parse_duration(keep_alive)


def check_editor(**values: Any) -> None:
    """Check what only an editor's server requires of its options."""
    from starcoder_cli.commands.lsp import EditorFlags

    EditorFlags(model="echo", **values).values()


def check_endpoint(endpoint: str = "", fim: str = "") -> None:
    """Check an address or its name, and the family of the model there."""
    from starcoder_cli.app.request import EndpointOptions
    from starcoder_cli.net.endpoints import EndpointAddress, find_profile

    EndpointOptions(endpoint, fim)
    if endpoint:
        EndpointAddress.parse(find_profile(endpoint).url)


def check_language(lang: str) -> None:
    """Check the language of a text."""
    from starcoder_cli.languages import find_language

    find_language(lang)


def check_context(context: float | None = None, no_context: bool = False) -> None:
    """Check how long other files are read."""
    from starcoder_cli.context.selection import ContextOptions

    ContextOptions(seconds=None if no_context else context)


def check_infill(stop: Sequence[str] = (), max_prompt_tokens: int | None = None) -> None:
    """Check where an answer ends, and how much is read."""
    from starcoder_cli.infill import InfillOptions

    InfillOptions(stop=tuple(stop), prompt_tokens=max_prompt_tokens)


def check_candidates(
    candidates: int | None = None,
    verify: str | None = None,
    pick: bool = False,
    check: bool = False,
) -> None:
    """Check how many answers are made, and who chooses."""
    from starcoder_cli.app.request import CandidateOptions

    CandidateOptions.of(candidates, verify, pick, None, check)
    if verify is not None:
        from starcoder_cli.candidates.verify import check_command

        check_command(verify)


def check_output(**values: Any) -> None:
    """Check how an answer is shown, and where it goes."""
    from starcoder_cli.app.deliver import OutputOptions

    OutputOptions(**values)


def check_licences(fail_on: Sequence[str]) -> None:
    """Check the licences that code must not be under."""
    from starcoder_cli.attribution.licences import LicenceDenyList

    LicenceDenyList.parse(fail_on)


def check_portrait_url(portrait_url: str) -> None:
    """Check the address of the membership service."""
    from starcoder_cli.attribution.stack_lookup import parse_service_url

    parse_service_url(portrait_url)


VALUE_CHECKS: Sequence[ValueCheck] = (
    ValueCheck(("model", "endpoint"), check_model),
    ValueCheck(("max_tokens", "temperature", "top_p", "seed"), check_sampling),
    ValueCheck(("quantize", "device", "dtype"), check_loading),
    ValueCheck(("timeout",), check_timeout),
    ValueCheck(("keep_alive",), check_keep_alive),
    ValueCheck(("keep_alive", "debounce", "timeout"), check_editor, ("lsp",)),
    ValueCheck(("endpoint", "fim"), check_endpoint),
    ValueCheck(("lang",), check_language),
    ValueCheck(("context", "no_context"), check_context),
    ValueCheck(("stop", "max_prompt_tokens"), check_infill),
    ValueCheck(("candidates", "verify", "pick", "check"), check_candidates),
    ValueCheck(("diff", "echo", "in_place", "json"), check_output),
    ValueCheck(("fail_on",), check_licences),
    ValueCheck(("portrait_url",), check_portrait_url),
)
