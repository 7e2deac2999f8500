"""`starcoder chat`: ask a question about code, or ask and answer in a session."""

import os
import stat
import sys
from typing import Annotated

import typer

from starcoder_cli.catalog import DEFAULT
from starcoder_cli.commands.options import (
    ANSWER_PANEL,
    TEXT_PANEL,
    Adapter,
    ApiKeyFile,
    ColorOption,
    Device,
    DtypeOption,
    EndpointOption,
    EngineOption,
    IndexFile,
    Json,
    KeepAlive,
    MaxTokens,
    ModelName,
    NoServer,
    Offline,
    QuantizeOption,
    Quiet,
    Seed,
    ShowPrompt,
    Stop,
    StrictContext,
    Temperature,
    Timeout,
    TopP,
    Trace,
    Verbose,
)
from starcoder_cli.errors import UsageError
from starcoder_cli.files.read import STANDARD_INPUT
from starcoder_cli.files.source import Source, names_of, readable
from starcoder_cli.settings import environment_name
from starcoder_cli.system.timing import time_limit
from starcoder_cli.terminal.output import Messages, is_terminal

SYSTEM = (
    "You help programmers. Answer exactly what is asked, briefly. Put code into fenced blocks that "
    "name its language. Say so when you do not know."
)
# Not 0 as for code: a small model that begins to repeat itself gets out again by chance, and
# asking once more is worth the while. Not much more than 0: code has few right words.
TEMPERATURE = 0.2

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
        help="A file that the question is about; may be given several times.",
        rich_help_panel=TEXT_PANEL,
    ),
]
System = Annotated[
    str | None,
    typer.Option(
        "--system",
        "-s",
        envvar=environment_name("system"),
        help="How the model is told to answer; an empty text tells it nothing.",
        show_default="briefly, about code",
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


def chat(
    message: MessageArgument = None,
    file: Files = None,
    model: ModelName = DEFAULT,
    max_tokens: MaxTokens = 512,
    temperature: Temperature = TEMPERATURE,
    top_p: TopP = 0.95,
    seed: Seed = None,
    offline: Offline = False,
    timeout: Timeout = None,
    quantize: QuantizeOption = "auto",
    device: Device = "auto",
    dtype: DtypeOption = "auto",
    adapter: Adapter = "",
    engine: EngineOption = "auto",
    keep_alive: KeepAlive = None,
    no_server: NoServer = False,
    endpoint: EndpointOption = "",
    api_key_file: ApiKeyFile = "",
    system: System = None,
    strict_context: StrictContext = False,
    show_prompt: ShowPrompt = False,
    stop: Stop = None,
    extract: Extract = False,
    trace: Trace = False,
    index: IndexFile = None,
    json: Json = False,
    color: ColorOption = "auto",
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Answer a question about code, or several in a session at a terminal.

    Files, and text that is piped in next to a question, are given to the model with it. A session
    writes nothing to disk but what /save is told to; --timeout holds for each of its answers.
    """
    from starcoder_cli.app.chat import ask
    from starcoder_cli.app.chat_session import session
    from starcoder_cli.app.deliver import Look
    from starcoder_cli.app.request import Remote, Request, staying
    from starcoder_cli.loading import Loading
    from starcoder_cli.model import Sampling
    from starcoder_cli.prompts.chat import Conversation, with_texts

    sampling = Sampling(max_tokens, temperature, top_p, seed)
    loading = Loading(quantize, device, dtype, adapter, engine)
    request = Request(
        model=model,
        sampling=sampling,
        stop=tuple(stop or ()),
        strict_context=strict_context,
        offline=offline,
        loading=loading,
        keep_alive=staying(keep_alive, no_server),
        remote=Remote(endpoint, "", api_key_file),
        trace=trace,
        index=index,
    )
    look = Look(False, json, False, show_prompt, color, quiet, verbose)
    told = SYSTEM if system is None else readable(system)
    if message is None and is_terminal(sys.stdin):
        if json or show_prompt or extract or not is_terminal(sys.stdout):
            raise UsageError(
                "there is no question",
                "write it behind the command; a session has no --json, --extract or --show-prompt",
            )
        session(told, given(file or []), request, look, timeout)
        return
    with time_limit(timeout):
        question, texts = read(message, file or [], look.messages)
        ask(Conversation(told).said(with_texts(question, texts)), request, look, extract=extract)


def read(message: str | None, files: list[str], messages: Messages) -> tuple[str, tuple[str, ...]]:
    """The question and the texts that go with it; piped text is one of the two."""
    texts = given(files)
    if STANDARD_INPUT not in files and (message is None or is_piped()):
        messages.status("reading standard input …")
        piped = Source.read(STANDARD_INPUT)
        messages.status("")
        if message is None:
            message = piped.raw
        elif piped.raw.strip():
            texts = (*texts, block(piped))
    question = readable(message or "").strip("\n")
    if not question.strip():
        raise UsageError("there is no question", "write it behind the command, in quotes")
    return question, texts


def given(files: list[str]) -> tuple[str, ...]:
    """The files as the model reads them."""
    return tuple(block(Source.read(file)) for file in files)


def block(source: Source) -> str:
    """A source as a fenced block that says what it is."""
    from starcoder_cli import languages
    from starcoder_cli.prompts.chat import fenced

    piped = source.name == STANDARD_INPUT
    name = "Standard input" if piped else names_of(source.name).filename or source.name
    language = languages.detect(source.name, source.raw[:200])
    return fenced(readable(source.raw), name, language.name if language else "")


def is_piped() -> bool:
    """Whether standard input is a pipe or a file: a terminal or /dev/null is not read unasked."""
    if sys.stdin is None or sys.stdin.closed:
        return False
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)
