"""`-h`: what a command is for, in one screen; `--help` tells everything."""

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from starcoder_cli.commands.examples import EXAMPLES, MAIN_OPTIONS
from starcoder_cli.terminal.output import write_text

if TYPE_CHECKING:
    from starcoder_cli.commands.parameters import Command

MAX_OPTION_WIDTH = 26
MAX_WIDTH = 100


def add_short_help(command: "Command", name: str) -> None:
    """Give a command `-h` beside `--help`; one that has commands of its own gives it to these."""
    subcommands = getattr(command, "commands", None)
    if subcommands:
        for inner, subcommand in subcommands.items():
            add_short_help(subcommand, f"{name} {inner}")
        return
    command.context_settings = {**command.context_settings, "help_option_names": ["--help"]}
    command.params.append(short_help_option())
    examples = EXAMPLES.get(name, ())
    command.epilog = "\n\n".join(f"{line}  # {purpose}" for line, purpose in examples)
    command.params.sort(key=panel_order)


def panel_order(option: Any) -> int:
    """The place of an option's panel in the help: what is used most comes first."""
    from starcoder_cli.commands.options import PANELS

    panel = getattr(option, "rich_help_panel", None)
    return PANELS.index(panel) + 1 if panel in PANELS else 0


def option_choices(option: object) -> Any:
    """The words that an option takes, if it takes no others."""
    return getattr(getattr(option, "type_descriptor", None), "choices", None)


def short_help_option() -> Any:
    """The option `-h`, which prints the help and ends the command."""

    def run(
        short_help: Annotated[
            bool,
            typer.Option(
                "-h",
                callback=show_short_help,
                is_eager=True,
                expose_value=False,
                help="Show the main options and some examples.",
            ),
        ] = False,
    ) -> None:
        """Nothing."""

    app = typer.Typer(add_completion=False)
    app.command()(run)
    (option,) = typer.main.get_command(app).params
    return option


def show_short_help(context: typer.Context, asked: bool) -> None:
    """Print the help of the command that `-h` was given to."""
    if asked:
        write_text("\n".join(short_help_lines(context)) + "\n")
        raise typer.Exit


def short_help_lines(context: typer.Context) -> Iterator[str]:
    """The lines of the help: usage, purpose, examples, the main options, where the others are."""
    import shutil

    width = min(shutil.get_terminal_size().columns, MAX_WIDTH)
    path, command = context.command_path, context.command
    name = path.partition(" ")[2]
    words = " ".join(command.collect_usage_pieces(context))
    yield f"Usage: {path} {words}"
    yield ""
    yield from textwrap.wrap((command.help or "").partition("\n\n")[0], width)
    examples = EXAMPLES.get(name, ())
    if examples:
        yield "\nExamples:"
        longest = max(len(line) for line, _ in examples)
        yield from (f"  {line:{longest}}  # {purpose}" for line, purpose in examples)
    wanted = MAIN_OPTIONS.get(name, ())
    options = [
        option
        for option in command.get_params(context)
        if option.param_type_name == "option" and not getattr(option, "hidden", False)
    ]
    by_name = {option.name: option for option in options}
    shown = [by_name[each] for each in wanted] or options
    yield "\nOptions:"
    for option in shown:
        yield from option_lines(option, width)
    if len(shown) < len(options):
        yield f"\nAll {len(options)} options: {path} --help"


def option_lines(option: Any, width: int) -> Iterator[str]:
    """An option and its help, from the same column on."""
    names = ", ".join(sorted(option.opts, key=len))
    value = option.metavar or "|".join(map(str, option_choices(option) or ()))
    head = f"  {names} {value}".rstrip()
    lines = textwrap.wrap(option.help or "", max(20, width - MAX_OPTION_WIDTH - 2))
    indent = " " * (MAX_OPTION_WIDTH + 2)
    if len(head) > MAX_OPTION_WIDTH:
        yield head
    else:
        yield f"{head:{MAX_OPTION_WIDTH}}  {lines[0] if lines else ''}"
        lines = lines[1:]
    yield from (indent + line for line in lines)
