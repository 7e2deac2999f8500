"""Write the reference in docs/configuration.md from the program itself.

`python tools/reference.py` replaces what is between the two reference comments: commands, options,
variables, configuration keys and exit codes. Run it after changing any of them: a test compares the
page with what is written here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TypeAlias, cast

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from starcoder_cli.cli import EPILOG, build_command
from starcoder_cli.commands.defaults import configurable_options
from starcoder_cli.errors import ExitCode, StarcoderError

PAGE = Path(__file__).parent.parent / "docs" / "configuration.md"
BEGIN, END = "<!-- reference:begin -->\n", "<!-- reference:end -->"

OTHER_VARIABLES: Mapping[str, str] = {
    "STARCODER_API_KEY": "The key of an endpoint, and of `serve --http`.",
    "STARCODER_CONFIG": "The path of the configuration file.",
    "STARCODER_DATA_DIR": "The folder of accepted licences and of the index of code.",
    "STARCODER_DEBUG": "With any value, an unexpected error shows where it happened.",
    "STARCODER_MODELS_DIR": "The folder of models, except checkpoints from the hub.",
    "STARCODER_SANDBOX": "The sandbox of `eval --run-code` and `--check`: `bubblewrap` or "
    "`landlock`.",
    "NO_COLOR": "With any value, no colours unless `--color always` asks for them.",
    "CI": "With any value, commands start no server in the background unless `--keep-alive` asks.",
    "HF_ENDPOINT": "The address of the Hugging Face hub.",
    "HF_HUB_OFFLINE": "Forbids downloads and searches, as `--offline` does, and keeps `doctor` off "
    "the network; so does `TRANSFORMERS_OFFLINE`.",
    "HF_TOKEN": "The token for gated models; `hf auth login` stores one instead.",
    "SSL_CERT_FILE": "The certificates to trust.",
    "HTTPS_PROXY": "The proxy; `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` work as usual.",
    "SOURCE_DATE_EPOCH": "The time that `--provenance` and `trace --report` state.",
    "XDG_RUNTIME_DIR": "The folder that the server's socket is made in.",
    "VISUAL": "The editor of `config edit`, before `EDITOR`.",
}
"""Variables that do not belong to an option."""

PLAIN_VALUES: Mapping[str, str] = {"int": "N", "float": "N"}
"""The placeholder for a value that has no name of its own; `TEXT` for all other types."""

AnyCommand: TypeAlias = TyperCommand | TyperGroup


@dataclass(frozen=True)
class Row:
    """An option as the tables show it; two commands share a row if all of it is the same."""

    names: str
    help: str
    variable: str
    default: str

    def cells(self) -> tuple[str, ...]:
        """The cells of its row."""
        return self.names, self.help, self.variable, self.default


@dataclass(frozen=True)
class Section:
    """A command: the words that lead to it, its help, its arguments and its options."""

    path: str
    usage: str
    help: str
    arguments: tuple[tuple[str, str], ...]
    options: tuple[Row, ...]


def sections(
    command: AnyCommand, path: tuple[str, ...] = (), parent: typer.Context | None = None
) -> Iterator[Section]:
    """Yield a command and every command below it."""
    made = command.make_context(
        path[-1] if path else "starcoder", [], parent, resilient_parsing=True
    )
    context = cast(typer.Context, made)
    parameters = command.get_params(context)
    options = [each for each in parameters if isinstance(each, TyperOption) and not each.hidden]
    arguments = [each for each in parameters if isinstance(each, TyperArgument)]
    yield Section(
        " ".join(path),
        " ".join(["starcoder", *path, *command.collect_usage_pieces(context)]),
        command.help or "",
        tuple((str(each.metavar or each.name), each.help or "") for each in arguments),
        tuple(row(each) for each in options if each.name != "help"),
    )
    if isinstance(command, TyperGroup):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if isinstance(found, TyperCommand | TyperGroup) and not found.hidden:
                yield from sections(found, (*path, name), context)


def row(option: TyperOption) -> Row:
    """Create the row of an option."""
    names = sorted((*option.opts, *option.secondary_opts), key=lambda name: name[:2] != "--")
    metavar = option.metavar or ""
    choices: Sequence[object] = option.type_descriptor.choices or ()
    if metavar.startswith("<"):
        choices, metavar = metavar.strip("<>").split("|"), ""
    if not (choices or metavar or option.is_flag):
        metavar = PLAIN_VALUES.get(option.bare_type(), "TEXT")
    taken = f" {metavar}" if metavar else ""
    text = option.help or ""
    if choices:
        text += f" One of {', '.join(f'`{choice}`' for choice in choices)}."
    return Row(
        ", ".join(f"`{name}{taken if name[:2] == '--' else ''}`" for name in names),
        text,
        f"`{option.envvar}`" if option.envvar else "",
        default_of(option),
    )


def default_of(option: TyperOption) -> str:
    """The default of an option as text; empty for switches, and if there is none."""
    if isinstance(option.show_default, str):
        return option.show_default
    if option.is_flag or option.default in (None, "", ()) or not option.show_default:
        return ""
    return f"`{option.default}`"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(map(escaped, line))} |\n" for line in lines)


def escaped(text: str) -> str:
    """Escape what would end a cell or begin an HTML element; code between backticks stays."""
    parts = text.replace("|", " or ").split("`")
    parts[::2] = (part.replace("<", "&lt;") for part in parts[::2])
    return "`".join(parts)


def shared_options(every: Sequence[Section]) -> dict[Row, list[str]]:
    """The options that several commands have in the same words, and those commands."""
    users: dict[Row, list[str]] = {}
    for section in every:
        for option in section.options:
            users.setdefault(option, []).append(section.path)
    return {option: commands for option, commands in users.items() if len(commands) > 1}


def command_text(section: Section, shared: Mapping[Row, object]) -> str:
    """The part of the page about one command."""
    parts = [f"### `{f'starcoder {section.path}'.strip()}`\n", f"```text\n{section.usage}\n```\n"]
    parts.append(f"{escaped(section.help)}\n")
    if section.arguments:
        rows = [(f"`{name}`", text) for name, text in section.arguments]
        parts.append(table(("argument", "meaning"), [row for row in rows if row[1]]))
    own = [option.cells() for option in section.options if option not in shared]
    if own:
        parts.append(table(("option", "meaning", "variable", "default"), own))
    others = [option.names.partition(" ")[0] for option in section.options if option in shared]
    if others:
        names = ", ".join(f"`{name.strip('`,')}`" for name in others)
        parts.append(f"Also, of the [shared options](#shared-options): {names}.\n")
    return "\n".join(parts)


def exit_codes() -> str:
    """The table of exit codes, from the words of `starcoder --help` and the error classes."""
    listed = EPILOG.removeprefix("Exit codes: ").rstrip(".").split(", ")
    words = dict(entry.split(" ", 1) for entry in listed)
    home = StarcoderError.__module__  # others have subclasses too
    kinds = [each for each in StarcoderError.__subclasses__() if each.__module__ == home]
    meanings = {each.exit_code: " ".join((each.__doc__ or "").split()) for each in kinds}
    rows = [(str(int(code)), words[str(int(code))], meanings.get(code, "")) for code in ExitCode]
    return table(("code", "name", "meaning"), rows)


def configuration_keys() -> str:
    """The table of keys: each option that the configuration file may set, and where."""
    commands: dict[str, list[str]] = {}
    for command, options in configurable_options().items():
        for name in options:
            commands.setdefault(name, []).append(command)
    by_commands = sorted(commands, key=lambda name: (commands[name], name))
    rows = [
        (", ".join(f"`{name}`" for name in sorted(names)), ", ".join(f"`{each}`" for each in used))
        for used, names in groupby(by_commands, key=lambda name: commands[name])
    ]
    return table(("keys", "tables"), rows)


def reference() -> str:
    """The whole generated part."""
    every = list(sections(build_command()))
    shared = shared_options(every)
    rows = [
        (*option.cells(), ", ".join(f"`{name}`" for name in commands))
        for option, commands in shared.items()
    ]
    head = ("option", "meaning", "variable", "default", "commands")
    variables = [(f"`{name}`", meaning) for name, meaning in OTHER_VARIABLES.items()]
    parts = [
        "## Exit codes\n",
        exit_codes(),
        "## Configuration keys\n",
        "Which command's table may have which key:\n",
        configuration_keys(),
        "## Environment variables\n",
        "Options name their variable in the tables below. These variables belong to no option:\n",
        table(("variable", "meaning"), variables),
        "## Shared options\n",
        table(head, rows),
        "## Commands\n",
        *(command_text(section, shared) for section in every),
    ]
    return "\n".join(parts)


def updated(text: str) -> str:
    """The page with the current reference."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{reference()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
