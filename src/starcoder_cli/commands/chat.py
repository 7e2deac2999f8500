"""`starcoder chat`: answer a question about code, or hold a session."""

import os
import stat
import sys
from dataclasses import dataclass, replace
from typing import Annotated

import typer

from starcoder_cli.catalog import DEFAULT_MODEL
from starcoder_cli.commands.expand import expand_groups
from starcoder_cli.commands.groups import (
    ChoiceFlags,
    DeliveryFlags,
    EndpointFlags,
    MessageFlags,
    ModelFlags,
    TraceIndex,
)
from starcoder_cli.commands.options import (
    ANSWER_PANEL,
    TEXT_PANEL,
    Json,
    MaxTokens,
    ModelName,
    ShowPrompt,
    Stop,
    StrictContext,
    Temperature,
    Trace,
)
from starcoder_cli.errors import UsageError
from starcoder_cli.files.links import note_file_read
from starcoder_cli.files.notebook_text import notebook_text, read_text
from starcoder_cli.files.read import STANDARD_INPUT
from starcoder_cli.files.source import Source, find_file_metadata, to_model_text
from starcoder_cli.settings import environment_name
from starcoder_cli.system.counting import counted
from starcoder_cli.system.descriptors import is_readable
from starcoder_cli.system.timing import time_limit
from starcoder_cli.terminal.output import Messages, is_terminal

DEFAULT_SYSTEM = (
    "You help programmers. Answer exactly what is asked, briefly. Put code into fenced blocks that "
    "name its language. Say so when you do not know."
)
# Not 0 as for code: a little randomness gets a small model out of a repetition, and makes asking
# again worthwhile. Not much more than 0, as code has few right words.
TEMPERATURE = 0.2

SILENT_SECONDS = 2.0
NO_INPUT_HINT = "`< /dev/null` keeps it out"

MessageArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="MESSAGE",
        help="The question; without one, piped text is the question, and at a terminal a session "
        "begins.",
        show_default=False,
    ),
]
Files = Annotated[
    list[str] | None,
    typer.Option(
        "--file",
        "-f",
        metavar="FILE",
        help="A file, or lines of one, that the question is about; may be given several times.",
        rich_help_panel=TEXT_PANEL,
    ),
]
System = Annotated[
    str | None,
    typer.Option(
        "--system",
        "-s",
        envvar=environment_name("system"),
        help="System prompt; an empty text omits it.",
        show_default="asks for brief answers about code",
        rich_help_panel=TEXT_PANEL,
    ),
]
Extract = Annotated[
    bool,
    typer.Option(
        "--extract",
        "-x",
        envvar=environment_name("extract"),
        help="Print only the code in the first fenced block of the answer.",
        rich_help_panel=ANSWER_PANEL,
    ),
]


@dataclass(frozen=True)
class ChatChoiceFlags(ChoiceFlags):
    """How tokens are chosen in a conversation."""

    temperature: Temperature = TEMPERATURE


@expand_groups
def chat(
    message: MessageArgument = None,
    file: Files = None,
    model: ModelName = DEFAULT_MODEL,
    max_tokens: MaxTokens = 512,
    *,
    choice: ChatChoiceFlags,
    opening: ModelFlags,
    endpoint: EndpointFlags,
    system: System = None,
    strict_context: StrictContext = False,
    show_prompt: ShowPrompt = False,
    stop: Stop = None,
    extract: Extract = False,
    trace: Trace = False,
    index: TraceIndex = None,
    json: Json = False,
    messages: MessageFlags,
) -> None:
    """Answer a question about code, or several in a session at a terminal.

    Files, and text that is piped in along with a question, are given to the model with it. A
    session writes nothing to disk except with /save; --timeout applies to each answer.
    """
    from starcoder_cli.app.chat import answer_once
    from starcoder_cli.app.chat_session import run_session
    from starcoder_cli.app.request import NoticeOptions, Request
    from starcoder_cli.infill import InfillOptions
    from starcoder_cli.model import Conversation
    from starcoder_cli.prompts.chat import question_with_texts

    request = Request(
        model=model,
        sampling=choice.values(max_tokens),
        infill=InfillOptions(stop=tuple(stop or ()), strict_context=strict_context),
        notices=NoticeOptions(trace=trace, index=index),
        endpoint=endpoint.values(),
        **opening.values(),
    )
    output = messages.values(DeliveryFlags(json=json), show_prompt=show_prompt)
    instructions = DEFAULT_SYSTEM if system is None else to_model_text(system)
    if message is None and is_terminal(sys.stdin):
        if json or show_prompt or extract or not is_terminal(sys.stdout):
            raise UsageError(
                "there is no question",
                "put it after the command; a session has no --json, --extract or --show-prompt",
            )
        run_session(
            instructions, read_files(file or [], output.messages), request, output, opening.timeout
        )
        return
    with time_limit(opening.timeout):
        question, texts = read_question(message, file or [], output.messages)
        conversation = Conversation(instructions).with_question(
            question_with_texts(question, texts)
        )
        answer_once(conversation, request, output, extract=extract)


def read_question(
    message: str | None, files: list[str], messages: Messages
) -> tuple[str, tuple[str, ...]]:
    """The question and the texts that go with it; piped text is one of them."""
    texts = read_files(files, messages)
    if STANDARD_INPUT not in files and (message is None or goes_with_question(messages)):
        piped = read_piped(messages)
        if message is None:
            message = piped.raw
        elif piped.raw.strip():
            texts = (*texts, fenced_source(piped))
            if not stat.S_ISREG(standard_input_mode()):
                length = counted(len(piped.raw), "character")
                messages.note(
                    f"the question includes {length} from standard input; {NO_INPUT_HINT}"
                )
    question = to_model_text(message or "").strip("\n")
    if not question.strip():
        raise UsageError("there is no question", "put it after the command, in quotes")
    return question, texts


def read_files(files: list[str], messages: Messages) -> tuple[str, ...]:
    """The files as the model reads them."""
    return tuple(fenced_file(file, messages) for file in files)


def fenced_file(text: str, messages: Messages) -> str:
    """Format a file, or a place in one, as a fenced block with its name."""
    source, place = read_text(text)
    note_file_read(source.name, messages.note)
    if place.start is None:
        return fenced_source(source, text.removeprefix(source.name))
    span = source.span_of(place)
    part = replace(source, raw=source.raw[span.start : span.end])
    return fenced_source(part, text.removeprefix(source.name))


def fenced_source(source: Source, where: str = "") -> str:
    """Format a source as a fenced block with its name and position."""
    from starcoder_cli import languages
    from starcoder_cli.prompts.chat import fenced_block

    piped = source.name == STANDARD_INPUT
    name = "Standard input" if piped else find_file_metadata(source.name).filename or source.name
    language = languages.detect_language(source.code_name(None), source.raw[:200])
    text = to_model_text(source.raw)
    return fenced_block(text, f"{name}{where}", language.name if language else "")


def standard_input_mode() -> int:
    """The mode of standard input, as in `stat`; 0 if there is none."""
    if sys.stdin is None or sys.stdin.closed:
        return 0
    try:
        return os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError):
        return 0


def goes_with_question(messages: Messages) -> bool:
    """Whether to read standard input with a question: a terminal or /dev/null is not read unasked.

    Neither is a file that another program has begun to read: a shell that reads a list line by line
    would find nothing left.
    """
    mode = standard_input_mode()
    if not stat.S_ISREG(mode):
        return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
    descriptor = sys.stdin.fileno()
    begun = os.lseek(descriptor, 0, os.SEEK_CUR)
    if 0 < begun < os.fstat(descriptor).st_size:
        messages.note("standard input is left to the program that reads it; -f - reads it here")
    return not begun


def read_piped(messages: Messages) -> Source:
    """Read standard input to its end; a note says so if nothing comes.

    An inherited pipe does not end while another process could write to it.
    """
    messages.show_status("reading standard input …")
    if standard_input_mode() and not is_readable(sys.stdin.fileno(), SILENT_SECONDS):
        messages.note(f"waiting for standard input to end; {NO_INPUT_HINT}")
    piped = Source.read(STANDARD_INPUT)
    messages.show_status("")
    return notebook_text(piped)
