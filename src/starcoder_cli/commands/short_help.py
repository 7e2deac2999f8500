"""`-h`: a command's purpose on one screen; `--help` shows everything."""

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
    """Give a command `-h` beside `--help`; a group passes it on to its subcommands."""
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
    """The position of an option's panel in the help: the most used come first."""
    from starcoder_cli.commands.options import PANELS

    panel = getattr(option, "rich_help_panel", None)
    return PANELS.index(panel) + 1 if panel in PANELS else 0


def option_choices(option: object) -> Any:
    """The words that an option accepts, if they are fixed."""
    return getattr(getattr(option, "type_descriptor", None), "choices", None)


def short_help_option() -> Any:
    """The `-h` option, which prints the short help and exits."""

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
    """Print the short help of the command that `-h` was given to."""
    if asked:
        write_text("\n".join(short_help_lines(context)) + "\n")
        raise typer.Exit


def short_help_lines(context: typer.Context) -> Iterator[str]:
    """The lines of the short help: usage, purpose, examples, main options, where to find more."""
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
    """An option and its help, aligned in columns."""
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
