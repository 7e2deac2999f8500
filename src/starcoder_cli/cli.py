"""The command line: which commands there are, and what their errors mean in numbers."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, cast

import typer
from typer.core import TyperGroup

from starcoder_cli import __version__
from starcoder_cli.commands.coercion import lighten
from starcoder_cli.errors import ExitCode, StarcoderError, UsageError
from starcoder_cli.output import report, write_text

if TYPE_CHECKING:
    from starcoder_cli.commands.config import Command

COMMANDS = ("complete", "fill", "models", "config")
EPILOG = (
    "Exit codes: 0 done, 2 usage, 65 bad data, 66 no input, 69 unavailable, 70 a bug, 71 not on "
    "this machine, 73 cannot create, 74 input or output, 75 try again, 76 protocol, 77 refused, "
    "78 configuration, 124 timeout, 130 Ctrl-C."
)


class LazyGroup(TyperGroup):
    """The commands, each imported when it is asked for: a start costs what it uses."""

    def list_commands(self, ctx: object) -> list[str]:
        """The names of the commands, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: object, cmd_name: str) -> "Command | None":
        """The command of that name."""
        return load(cmd_name) if cmd_name in COMMANDS else None


def load(name: str) -> "Command":
    """A command from its module: its function, or its app where it has commands of its own."""
    module = import_module(f"starcoder_cli.commands.{name}")
    found = getattr(module, "app", None)
    if found is None:
        found = typer.Typer(add_completion=False, context_settings=CONTEXT)
        found.command(name)(getattr(module, name))
    command = cast("Command", typer.main.get_command(found))
    command.name = name
    lighten(command)
    return command


CONTEXT = {"help_option_names": ["-h", "--help"]}
app = typer.Typer(
    name="starcoder",
    cls=LazyGroup,
    epilog=EPILOG,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings=CONTEXT,
)


def version(asked: bool) -> None:
    """Print the version and end."""
    if asked:
        write_text(f"starcoder {__version__}\n")
        raise typer.Exit


@app.callback()
def root(
    asked: Annotated[
        bool,
        typer.Option("--version", callback=version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Complete, fill and discuss code, with models on your own machine."""


def group() -> "Command":
    """The whole command line."""
    command = cast("Command", typer.main.get_command(app))
    lighten(command)
    return command


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    try:
        done = group().main(argv, "starcoder", standalone_mode=False, default_map=defaults())
    except StarcoderError as error:
        return failed(error)
    except typer.TyperException as error:
        return failed(usage(error))
    except BrokenPipeError:
        silence()
        return ExitCode.DONE
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except Exception as error:
        if os.environ.get("STARCODER_DEBUG"):
            raise
        kind = type(error).__name__
        return failed(
            StarcoderError(f"this is a bug: {kind}: {error}", "set STARCODER_DEBUG=1 to see where")
        )
    return done if isinstance(done, int) else ExitCode.DONE


def defaults() -> dict[str, dict[str, object]] | None:
    """What the configuration file sets, by command; nothing is loaded where there is no file."""
    from starcoder_cli.settings import config_file

    if not config_file().exists():
        return None
    from starcoder_cli.commands.config import defaults

    return defaults(load)


def failed(error: StarcoderError) -> int:
    """Report an error; what standard output still holds would fail again at exit."""
    if error.exit_code == ExitCode.IO:
        silence()
    report(error)
    return error.exit_code


def usage(error: typer.TyperException) -> UsageError:
    """Typer's complaint about a command line, as ours."""
    formatted = getattr(error, "format_message", error.__str__)()
    message = " ".join(str(formatted).split()).rstrip(".")
    return UsageError(message[:1].lower() + message[1:], "see `starcoder --help`")


def silence() -> None:
    """Send what is left for standard output nowhere."""
    if sys.stdout is not None and not sys.stdout.closed:
        try:
            descriptor = sys.stdout.fileno()
        except OSError:
            return
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
