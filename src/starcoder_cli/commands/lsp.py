"""`starcoder lsp`: completions and edits for editors, over the language server protocol."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from starcoder_cli.catalog import DEFAULT_MODEL, find_by_alias
from starcoder_cli.commands.expand import expand_groups, flatten_group, gather_group
from starcoder_cli.commands.groups import (
    ChoiceFlags,
    ContextFlags,
    EndingFlags,
    FimEndpointFlags,
    LoadingFlags,
)
from starcoder_cli.commands.options import (
    ANSWER_PANEL,
    CHOICE_PANEL,
    MODEL_PANEL,
    ModelName,
    Offline,
    OrderOption,
    Timeout,
    max_prompt_tokens_option,
)
from starcoder_cli.errors import StarcoderError, UsageError
from starcoder_cli.settings import environment_name
from starcoder_cli.system.did_you_mean import did_you_mean
from starcoder_cli.terminal.output import is_terminal

if TYPE_CHECKING:
    from starcoder_cli.commands.parameters import Command
    from starcoder_cli.lsp.options import Configured, EditorOptions

KEEP_ALIVE = "5m"
FLAGS_ONLY = ("endpoint", "api_key_file", "adapter", "include")
"""A project can bring editor settings: they must not decide what is sent, and where to."""

INSTRUCTIONS = ("Fix the bugs.", "Add documentation.", "Make it simpler.")

EditorMaxTokens = Annotated[
    int,
    typer.Option(
        envvar=environment_name("max_tokens"),
        help="Maximum number of tokens in a completion.",
        rich_help_panel=MODEL_PANEL,
    ),
]
EditorKeepAlive = Annotated[
    str,
    typer.Option(
        "--keep-alive",
        envvar=environment_name("keep_alive"),
        metavar="TIME",
        help="How long the server keeps the model loaded after an answer: 30s, 5m, 1h; -1: for "
        "ever.",
        rich_help_panel=MODEL_PANEL,
    ),
]
READING_SECONDS = 1.0
"""The longest anyone who is typing waits for the first word."""

EditorMaxPromptTokens = Annotated[
    int | None, max_prompt_tokens_option("what is read in about a second")
]
EditorCandidates = Annotated[
    int,
    typer.Option(
        "--candidates",
        "-n",
        envvar=environment_name("candidates"),
        help="How many completions to choose from when they are requested by hand.",
        rich_help_panel=CHOICE_PANEL,
    ),
]
Debounce = Annotated[
    float,
    typer.Option(
        envvar=environment_name("debounce"),
        help="Seconds to wait for more typing before asking the model.",
        rich_help_panel=ANSWER_PANEL,
    ),
]
Instructions = Annotated[
    list[str] | None,
    typer.Option(
        "--instruction",
        envvar=environment_name("instruction"),
        metavar="TEXT",
        help="An edit to offer for a selection; may be given several times.",
        show_default=" ".join(INSTRUCTIONS),
        rich_help_panel=ANSWER_PANEL,
    ),
]


@dataclass(frozen=True)
class EditorContextFlags(ContextFlags):
    """What else is read while someone is typing."""

    max_prompt_tokens: EditorMaxPromptTokens = None


@dataclass(frozen=True)
class EditorFlags:
    """Which model is asked, what it reads, and how it answers."""

    model: ModelName = DEFAULT_MODEL
    max_tokens: EditorMaxTokens = 128
    choice: ChoiceFlags = ChoiceFlags()
    offline: Offline = False
    timeout: Timeout = None
    loading: LoadingFlags = LoadingFlags()
    keep_alive: EditorKeepAlive = KEEP_ALIVE
    endpoint: FimEndpointFlags = FimEndpointFlags()
    order: OrderOption = "psm"
    context: EditorContextFlags = EditorContextFlags()
    ending: EndingFlags = EndingFlags()
    candidates: EditorCandidates = 3
    debounce: Debounce = 0.1
    instruction: Instructions = None

    def values(self) -> "EditorOptions":
        """Build the editor options.

        Raises UsageError for meaningless values, InputError for a missing model.
        """
        from starcoder_cli.app.request import CandidateOptions, Request, keep_alive_seconds
        from starcoder_cli.context.reading_limit import ReadingLimit
        from starcoder_cli.infill import InfillOptions
        from starcoder_cli.lsp.options import EditorOptions

        keep_alive, endpoint = keep_alive_seconds(self.keep_alive, False), self.endpoint.values()
        if keep_alive == 0:
            raise UsageError("an editor's model is held by the server", "give --keep-alive 5m")
        limit = ReadingLimit(READING_SECONDS, "; max_prompt_tokens reads more")
        request = Request(
            model=self.model,
            sampling=self.choice.values(self.max_tokens),
            infill=InfillOptions(
                stop=self.ending.stops,
                order=self.order,
                lines=self.ending.lines,
                raw=self.ending.raw,
                strict_context=self.context.strict_context,
                prompt_tokens=self.context.max_prompt_tokens,
                reading_limit=None if self.context.strict_context else limit,
            ),
            context=self.context.values(None),
            candidates=CandidateOptions.of(self.candidates, None, False, None),
            offline=self.offline,
            loading=self.loading.values(),
            keep_alive=None if endpoint.endpoint else keep_alive,
            endpoint=endpoint,
        )
        given = tuple(INSTRUCTIONS if self.instruction is None else self.instruction)
        return EditorOptions(request, self.debounce, self.timeout, given)


@expand_groups
def lsp(*, editor: EditorFlags) -> None:
    """Answer an editor over the language server protocol, on standard input and output.

    Offers completions at the cursor, inline if the editor supports it, and edits of a selection.
    The server that other commands use holds the model, and is started if needed. Most of these
    options can be editor settings of the same name, which take precedence.
    """
    editor.values()
    from starcoder_cli.lsp.server import EditorServer
    from starcoder_cli.lsp.stdio import NOT_FOR_PEOPLE, WHERE_TO_LOOK, serve

    is_closed = sys.stdin is None or sys.stdin.closed
    if is_closed or is_terminal(sys.stdin):
        kind = "closed" if is_closed else "a terminal"
        raise UsageError(f"standard input is {kind}: {NOT_FOR_PEOPLE}", WHERE_TO_LOOK)
    code = serve(EditorServer(partial(configure, editor)))
    if code:
        raise typer.Exit(code)


def configure(flags: EditorFlags, settings: Mapping[str, object]) -> "Configured":
    """Apply a client's settings over the flags; a wrong one is left out."""
    from starcoder_cli.commands.registry import load_command
    from starcoder_cli.lsp.options import Configured

    command, problems = load_command("lsp"), []
    for name, value in settings.items():
        try:
            changed = with_setting(command, flags, name, value)
            changed.values()
        except (StarcoderError, TypeError, ValueError, AttributeError) as error:
            problems.append(f"the setting {name!r} is left out: {error}")
        else:
            flags = changed
    return Configured(flags.values(), tuple(problems))


def with_setting(command: "Command", flags: EditorFlags, name: str, value: object) -> EditorFlags:
    """Set one of the flags; raises UsageError for what a setting must not change."""
    options = {str(option.name): option for option in command.params}
    if name not in options:
        hint = did_you_mean(name, sorted(options)) or f"options are {', '.join(sorted(options))}"
        raise UsageError("there is no option of that name", hint)
    # Nor may a project load a file, fetch somebody's model, or enable the network.
    is_foreign = name == "model" and find_by_alias(str(value)) is None
    if name in FLAGS_ONLY or is_foreign or (name == "offline" and value is not True):
        flag = name.replace("_", "-")
        raise UsageError("a project could set it too", f"give --{flag} to `starcoder lsp`")
    try:
        checked = options[name].process_value(typer.Context(command), value)
    except typer.TyperException as error:
        raise UsageError(f"it cannot be {value!r}", "see `starcoder lsp --help`") from error
    if checked is None:
        return flags
    changed: EditorFlags = gather_group(EditorFlags, {**flatten_group(flags), name: checked})
    if flags.endpoint.endpoint and reads_more(changed.context, flags.context):
        raise UsageError(
            "a project could have more sent to the endpoint", "give a flag to `starcoder lsp`"
        )
    return changed


def reads_more(changed: ContextFlags, flags: ContextFlags) -> bool:
    """Whether more is read than the flags allow: other files for longer, or more of the text."""
    seconds, most = changed.values(None).seconds or 0.0, changed.max_prompt_tokens
    allowed = flags.max_prompt_tokens
    is_longer = allowed is not None and (most is None or most > allowed)
    return is_longer or seconds > (flags.values(None).seconds or 0.0)
