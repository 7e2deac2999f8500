"""The command line: its commands, and the exit codes of their errors."""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from typer.core import TyperGroup

from starcoder_cli import __version__
from starcoder_cli.commands.parameters import use_light_converters
from starcoder_cli.commands.registry import (
    COMMANDS,
    CONTEXT,
    HELP,
    listed_command,
    load_command,
    tidy_help,
)
from starcoder_cli.errors import (
    ConfigError,
    ExitCode,
    InputError,
    StarcoderError,
    UsageError,
    WriteError,
)
from starcoder_cli.system.did_you_mean import did_you_mean
from starcoder_cli.terminal.output import discard_buffer, report_error, write_text

if TYPE_CHECKING:
    from starcoder_cli.commands.parameters import Command

EPILOG = (
    "Exit codes: 0 done, 1 a check failed, 2 usage, 65 bad data, 66 no input, 69 unavailable, "
    "70 a bug, 71 not on this machine, 73 cannot create, 74 input or output, 75 try again, "
    "76 protocol, 77 refused, 78 configuration, 124 timeout, 130 Ctrl-C."
)


class LazyGroup(TyperGroup):
    """The commands, each imported only when it is needed, so that startup stays fast."""

    listing = False

    def list_commands(self, ctx: object) -> list[str]:
        """The names of the commands, in help order."""
        return list(COMMANDS)

    def get_command(self, ctx: object, cmd_name: str) -> "Command | None":
        """The command with a name, or None."""
        if cmd_name not in COMMANDS:
            return None
        if self.listing:
            return listed_command(cmd_name)
        from starcoder_cli.commands.value_checks import with_checks

        return with_checks(load_command(cmd_name))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Resolve the command that the arguments start with; raises UsageError if it is unknown."""
        if not args[0].startswith("-") and args[0] not in COMMANDS:
            raise UsageError(
                f"no such command {args[0]!r}",
                did_you_mean(args[0], [*COMMANDS, "help", "version"]) or "see `starcoder --help`",
            )
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Format the help, with one line per command."""
        self.listing = True
        super().format_help(ctx, formatter)


program = typer.Typer(
    name="starcoder",
    cls=LazyGroup,
    epilog=EPILOG,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings=CONTEXT,
)


def version(requested: bool) -> None:
    """Print the version and end."""
    if requested:
        write_text(f"starcoder {__version__}\n")
        raise typer.Exit


def without_color(requested: bool) -> None:
    """Do without colours wherever they are not asked for."""
    if requested:
        os.environ["NO_COLOR"] = "1"


@program.callback()
def root(
    asked: Annotated[
        bool,
        typer.Option("--version", "-V", callback=version, is_eager=True, help="Show the version."),
    ] = False,
    plain: Annotated[
        bool,
        typer.Option(
            "--no-color",
            callback=without_color,
            is_eager=True,
            help="Use no colours, as with NO_COLOR=1.",
        ),
    ] = False,
) -> None:
    """Complete, fill, edit and discuss code, with models on your own machine."""


def build_command() -> "Command":
    """Build the whole command line."""
    command = cast("Command", typer.main.get_command(program))
    tidy_help(command)
    use_light_converters(command)
    return command


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    try:
        run_command(list(sys.argv[1:] if argv is None else argv))
    except StarcoderError as error:
        return report_failure(error)
    except typer.TyperException as error:
        return report_failure(usage_error(error))
    except typer.Exit as done:
        return done.exit_code
    except (BrokenPipeError, SystemExit):  # Rich turns the former into the latter
        discard_buffer(sys.stdout)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except Exception as error:  # the last resort before the process ends
        if os.environ.get("STARCODER_DEBUG"):
            raise
        return report_failure(unexpected_error(error))
    return ExitCode.DONE


def run_command(words: list[str]) -> None:
    """Run the command that the arguments name; without any, show the help.

    Typer's own runner would exit with 1 if a reader closed our output early.
    """
    command = build_command()
    words, plain = as_options(words)
    if words and words[0].startswith("-") and words[0] not in option_names(command):
        words = with_command_first(words)
    defaults = None if is_without_defaults(words) else config_defaults()
    with command.make_context(
        "starcoder", [*plain, *(words or ["--help"])], default_map=defaults
    ) as context:
        command.invoke(context)


def as_options(words: list[str]) -> tuple[list[str], list[str]]:
    """Turn `help` and `version` into options; `--no-color` is returned separately.

    That option may appear anywhere before `--`.
    """
    end = words.index("--") if "--" in words else len(words)
    plain = [word for word in words[:end] if word == "--no-color"]
    rest = [word for word in words[:end] if word != "--no-color"] + words[end:]
    if rest[:1] == ["help"]:
        rest = [*rest[1:], "--help"]
    elif rest == ["version"]:
        rest = ["--version"]
    return rest, plain


def with_command_first(words: list[str]) -> list[str]:
    """Move options that come before a command's name to after it.

    A command that has all the options is preferred, then one that can report which are unknown.
    Raises UsageError if the option belongs to some commands, but none of them is named.
    """
    places = [at for at, word in enumerate(words) if word in COMMANDS]
    for all_known in (True, False):
        for at in places:
            command, end = load_command(words[at]), at + 1
            inner = getattr(command, "commands", {}).get("".join(words[end : end + 1]))
            if inner:
                command, end = inner, end + 1
            if are_options(words[:at], option_names(command), all_known):
                return [*words[at:end], *words[:at], *words[end:]]
    name = option_name(words[0])
    having = [command for command in COMMANDS if name in option_names(load_command(command))]
    if having:
        raise UsageError(f"{name} needs a command", f"name one that has it: {', '.join(having)}")
    return words


def are_options(words: list[str], takes: Mapping[str, bool], all_known: bool) -> bool:
    """Whether the words are options, each followed by its value if it takes one."""
    left = iter(words)
    for word in left:
        if not word.startswith("-") or word in ("-", "--"):
            return False
        if all_known and option_name(word) not in takes:
            return False
        if takes.get(word) and next(left, None) is None:
            return False
    return True


def option_name(word: str) -> str:
    """The name of an option, which may have its value in the same word."""
    return word.partition("=")[0] if word.startswith("--") else word[:2]


def option_names(command: "Command") -> Mapping[str, bool]:
    """The option names of a command, and whether each takes a value."""
    described = command.get_params(typer.Context(command, help_option_names=HELP))
    return {
        name: not getattr(option, "is_flag", False) for option in described for name in option.opts
    }


def is_without_defaults(words: list[str]) -> bool:
    """Whether a command must run even with an invalid configuration file: it reports that."""
    asks_for_help = any(word in HELP for word in words)
    return not words or asks_for_help or words[0] in ("config", "doctor", "--version", "-V")


def config_defaults() -> dict[str, dict[str, object]] | None:
    """The configuration file's settings by command; loads nothing if there is no file."""
    from starcoder_cli.settings import config_file

    if not os.path.lexists(config_file()):
        return None
    from starcoder_cli.commands.defaults import read_defaults

    return read_defaults()


def report_failure(error: StarcoderError) -> int:
    """Report an error and return its exit code."""
    if error.exit_code == ExitCode.IO:
        discard_buffer(sys.stdout)
    report_error(error)
    return error.exit_code


def usage_error(error: typer.TyperException) -> StarcoderError:
    """Turn Typer's error about an argument or a variable into ours."""
    context, option = getattr(error, "ctx", None), getattr(error, "param", None)
    hint = f"see `{context.command_path if context else 'starcoder'} --help`"
    formatted = str(getattr(error, "format_message", error.__str__)())
    message, _, close = " ".join(formatted.split()).rstrip(".").partition(". Did you mean ")
    hint = f"did you mean {close}" if close else hint
    variable = getattr(option, "envvar", None)
    is_argument = getattr(option, "param_type_name", "") == "argument"
    if is_argument and isinstance(error, typer.BadParameter) and error.message:
        # An argument's upper-case name may look like a variable, as SHELL does.
        return UsageError(f"{str(getattr(option, 'metavar', '')).lower()} {error.message}", hint)
    if variable and context:
        source = context.get_parameter_source(getattr(option, "name", ""))
        if source and source.name == "ENVIRONMENT":
            return ConfigError(f"{variable} is invalid: {getattr(error, 'message', message)}", hint)
        message = message.replace(f" (env var: '{variable}')", "")
    return UsageError(message[:1].lower() + message[1:], hint)


def unexpected_error(error: Exception) -> StarcoderError:
    """Turn an unexpected exception into an error: the system's refusal, or a bug of ours."""
    if isinstance(error, FileNotFoundError) and not has_current_folder():
        return InputError("the current folder is not there any more", "go to another with `cd`")
    if isinstance(error, OSError):
        where = f": {error.filename}" if error.filename else ""
        return WriteError(f"input or output failed: {error.strerror or error}{where}", "try again")
    kind = type(error).__name__
    return StarcoderError(f"this is a bug: {kind}: {error}", "set STARCODER_DEBUG=1 to see where")


def has_current_folder() -> bool:
    """Whether the current folder still exists."""
    try:
        os.getcwd()  # noqa: PTH109
    except OSError:
        return False
    return True
