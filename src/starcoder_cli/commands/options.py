"""The options that commands share, each with its help and its environment variable."""

from typing import Annotated, Any

import typer

from starcoder_cli.commands.exclusive import choose_one_of
from starcoder_cli.settings import (
    ColorMode,
    DtypeChoice,
    EngineChoice,
    FimOrder,
    LineMode,
    QuantizeChoice,
    environment_name,
)

OFFLINE_HELP = "Never use the network: download nothing, and ask no server on another machine."

MODEL_PANEL = "Model"
CHECKPOINT_PANEL = "Checkpoints (not GGUF files)"
TEXT_PANEL = "What the model reads"
ANSWER_PANEL = "Answer"
CHOICE_PANEL = "Several answers"
PANELS = (ANSWER_PANEL, TEXT_PANEL, CHOICE_PANEL, MODEL_PANEL, CHECKPOINT_PANEL)
"""In help order."""


def index_option(
    panel: str | None = None, text: str = "The file of the index (see `starcoder index`)."
) -> Any:
    """The option that names an index, in a help panel or outside all panels."""
    return typer.Option(
        "--index",
        envvar=environment_name("index"),
        metavar="FILE",
        help=text,
        show_default="in your data folder",
        rich_help_panel=panel,
    )


def model_option(text: str) -> Any:
    """The option that names a model; `text` says what kinds a command takes."""
    return typer.Option(
        "--model",
        "-m",
        envvar=environment_name("model"),
        help=text,
        rich_help_panel=MODEL_PANEL,
    )


def max_prompt_tokens_option(default: str) -> Any:
    """The option that limits the text that is read; `default` says how long reading may take."""
    return typer.Option(
        "--max-prompt-tokens",
        envvar=environment_name("max_prompt_tokens"),
        help="Read at most this many tokens of the text: those nearest to the gap.",
        show_default=default,
        rich_help_panel=TEXT_PANEL,
    )


ModelName = Annotated[
    str,
    model_option(
        "Catalog name, GGUF file, checkpoint folder or hub id; `echo` runs no model and prints "
        "the prompt."
    ),
]
MaxTokens = Annotated[
    int,
    typer.Option(
        envvar=environment_name("max_tokens"),
        help="Maximum number of tokens to generate.",
        rich_help_panel=MODEL_PANEL,
    ),
]
Temperature = Annotated[
    float,
    typer.Option(
        envvar=environment_name("temperature"),
        help="0 takes the most likely token each time; higher values vary more.",
        rich_help_panel=MODEL_PANEL,
    ),
]
TopP = Annotated[
    float,
    typer.Option(
        envvar=environment_name("top_p"),
        help="Sample from the most likely tokens whose probabilities sum to this.",
        rich_help_panel=MODEL_PANEL,
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        envvar=environment_name("seed"),
        help="Random seed, for repeatable sampling.",
        show_default="random",
        rich_help_panel=MODEL_PANEL,
    ),
]
Offline = Annotated[
    bool,
    typer.Option(
        "--offline",
        envvar=environment_name("offline"),
        help=OFFLINE_HELP,
        rich_help_panel=MODEL_PANEL,
    ),
]
Timeout = Annotated[
    float | None,
    typer.Option(
        envvar=environment_name("timeout"),
        help="Stop after this many seconds.",
        show_default="none",
        rich_help_panel=MODEL_PANEL,
    ),
]
EngineOption = Annotated[
    EngineChoice,
    typer.Option(
        "--engine",
        envvar=environment_name("engine"),
        help="What runs a GGUF file; auto: OpenVINO if it is prepared for that, else llama.cpp. "
        "huggingface changes nothing: it runs only checkpoints, with or without this.",
        rich_help_panel=MODEL_PANEL,
    ),
]
EndpointOption = Annotated[
    str,
    typer.Option(
        "--endpoint",
        envvar=environment_name("endpoint"),
        metavar="URL|NAME",
        help="Use a server with OpenAI's API: its address, or the name of one in the "
        "configuration. -m then names a model on that server.",
        show_default=False,
        rich_help_panel=MODEL_PANEL,
    ),
]
Fim = Annotated[
    str,
    typer.Option(
        "--fim",
        envvar=environment_name("fim"),
        metavar="FAMILY",
        help="The family of an endpoint's model, which decides how a gap is written; `server`: "
        "leave that to the server.",
        show_default="by the model's name",
        rich_help_panel=MODEL_PANEL,
    ),
]
ApiKeyFile = Annotated[
    str,
    typer.Option(
        "--api-key-file",
        envvar=environment_name("api_key_file"),
        metavar="FILE",
        help="A file with the endpoint's key, which only you can read; else STARCODER_API_KEY.",
        show_default=False,
        rich_help_panel=MODEL_PANEL,
    ),
]
KeepAlive = Annotated[
    str | None,
    typer.Option(
        "--keep-alive",
        envvar=environment_name("keep_alive"),
        metavar="TIME",
        help="How long a server keeps the model loaded after the answer: 30s, 5m, 1h; 0: do "
        "not use a server; -1: for ever.",
        show_default="5m at a terminal, else 0",
        rich_help_panel=MODEL_PANEL,
    ),
]
NoServer = Annotated[
    bool,
    typer.Option(
        "--no-server",
        envvar=environment_name("no_server"),
        help="Load the model in this process, even if a server has it loaded.",
        rich_help_panel=MODEL_PANEL,
    ),
]
QuantizeOption = Annotated[
    QuantizeChoice,
    typer.Option(
        "--quantize",
        envvar=environment_name("quantize"),
        help="Keep weights in fewer bits; auto: 8 or 4 in OpenVINO (CPU), else only as far as "
        "memory requires.",
        rich_help_panel=CHECKPOINT_PANEL,
    ),
]
Device = Annotated[
    str,
    typer.Option(
        envvar=environment_name("device"),
        metavar="<auto|cuda|cuda:N|mps|cpu>",
        help="Device to run on.",
        rich_help_panel=CHECKPOINT_PANEL,
    ),
]
DtypeOption = Annotated[
    DtypeChoice,
    typer.Option(
        "--dtype",
        envvar=environment_name("dtype"),
        help="Number format for computation.",
        rich_help_panel=CHECKPOINT_PANEL,
    ),
]
Adapter = Annotated[
    str,
    typer.Option(
        envvar=environment_name("adapter"),
        metavar="FOLDER",
        help="LoRA adapter to add.",
        show_default=False,
        rich_help_panel=MODEL_PANEL,
    ),
]
Lang = Annotated[
    str | None,
    typer.Option(
        envvar=environment_name("lang"),
        help="Language of the code.",
        show_default="from the file",
        rich_help_panel=TEXT_PANEL,
    ),
]
Filename = Annotated[
    str | None,
    typer.Option(
        envvar=environment_name("filename"),
        help="Name of the text, mainly for standard input.",
        show_default="the file's",
        rich_help_panel=TEXT_PANEL,
    ),
]
LinesOption = Annotated[
    LineMode,
    typer.Option(
        "--lines",
        envvar=environment_name("lines"),
        help="How far an answer goes: one line, a block, or many lines without a limit; auto: as "
        "the gap suggests.",
        rich_help_panel=ANSWER_PANEL,
    ),
]
Raw = Annotated[
    bool,
    typer.Option(
        "--raw",
        envvar=environment_name("raw"),
        help="Keep the answer as the model wrote it, untrimmed.",
        rich_help_panel=ANSWER_PANEL,
    ),
]
OrderOption = Annotated[
    FimOrder,
    typer.Option(
        "--order",
        envvar=environment_name("order"),
        help="Put the prefix first in the prompt (psm), or the suffix (spm).",
        rich_help_panel=TEXT_PANEL,
    ),
]
Include = Annotated[
    list[str] | None,
    typer.Option(
        "--include",
        "-I",
        envvar=environment_name("include"),
        metavar="FILE",
        help="Also read this file, or lines of it as FILE:LINE-LINE; may be given several times.",
        rich_help_panel=TEXT_PANEL,
    ),
]
Context = Annotated[
    float | None,
    typer.Option(
        "--context",
        envvar=environment_name("context"),
        metavar="SECONDS",
        help="Seconds to spend on reading related files of the project; 0: none.",
        show_default="2 for models trained for it",
        rich_help_panel=TEXT_PANEL,
    ),
]
NoContext = Annotated[
    bool,
    typer.Option(
        "--no-context",
        envvar=environment_name("no_context"),
        help="Include no files except those of --include; overrides --context.",
        rich_help_panel=TEXT_PANEL,
    ),
]
MaxPromptTokens = Annotated[
    int | None, max_prompt_tokens_option("what is read in about ten seconds")
]
StrictContext = Annotated[
    bool,
    typer.Option(
        "--strict-context",
        envvar=environment_name("strict_context"),
        help="Fail if the text is longer than the model can read.",
        rich_help_panel=TEXT_PANEL,
    ),
]
ShowPrompt = Annotated[
    bool,
    typer.Option(
        "--show-prompt",
        envvar=environment_name("show_prompt"),
        help="Print what the model would read, and stop.",
        rich_help_panel=TEXT_PANEL,
    ),
]
Stop = Annotated[
    list[str] | None,
    typer.Option(
        envvar=environment_name("stop"),
        help="End before this text; may be given several times.",
        rich_help_panel=ANSWER_PANEL,
    ),
]
Echo = Annotated[
    bool,
    typer.Option(
        "--echo",
        envvar=environment_name("echo"),
        help="Print the text around the answer too.",
        rich_help_panel=ANSWER_PANEL,
    ),
]
Provenance = Annotated[
    bool,
    typer.Option(
        "--provenance",
        envvar=environment_name("provenance"),
        help="Mark generated code with a comment: the model and the date.",
        rich_help_panel=ANSWER_PANEL,
    ),
]
Trace = Annotated[
    bool,
    typer.Option(
        "--trace",
        envvar=environment_name("trace"),
        help="Report where the answer may come from, as `starcoder trace` does.",
        rich_help_panel=ANSWER_PANEL,
    ),
]
IndexFile = Annotated[str | None, index_option()]
Candidates = Annotated[
    int | None,
    typer.Option(
        "--candidates",
        "-n",
        envvar=environment_name("candidates"),
        help="Generate this many answers (at most 16), and take the best.",
        show_default="1",
        rich_help_panel=CHOICE_PANEL,
    ),
]
Pick = Annotated[
    bool,
    typer.Option(
        "--pick",
        envvar=environment_name("pick"),
        help="Show the candidates (5 without -n) at the terminal, and ask which.",
        rich_help_panel=CHOICE_PANEL,
    ),
]
Check = Annotated[
    bool,
    typer.Option(
        "--check",
        envvar=environment_name("check"),
        help="Run the candidates (5 without -n) in a sandbox, and prefer those that pass the "
        "examples and tests near the place. Python and JavaScript.",
        rich_help_panel=CHOICE_PANEL,
    ),
]
Verify = Annotated[
    str | None,
    typer.Option(
        "--verify",
        envvar=environment_name("verify"),
        metavar="COMMAND",
        help="Take the first candidate (of 5 without -n) with which this shell command exits with "
        "0. It runs in a copy of the files, but not in a sandbox, and it executes what the model "
        "wrote.",
        show_default=False,
        rich_help_panel=CHOICE_PANEL,
    ),
]
Json = Annotated[
    bool,
    typer.Option(
        "--json",
        envvar=environment_name("json"),
        help="Print one JSON object: text, reason, tokens, seconds, model, seed.",
        rich_help_panel=ANSWER_PANEL,
    ),
]
Batch = Annotated[
    bool,
    typer.Option(
        "--batch",
        help="Fill each gap in a JSONL file (places, or prefixes and suffixes), and print a line "
        "of JSON for each.",
        rich_help_panel=ANSWER_PANEL,
    ),
]
InPlace = Annotated[
    bool,
    typer.Option(
        "--in-place",
        "-i",
        envvar=environment_name("in_place"),
        help="Put the answer into the file.",
        rich_help_panel=ANSWER_PANEL,
    ),
]
Diff = Annotated[
    bool,
    typer.Option(
        "--diff",
        envvar=environment_name("diff"),
        help="Print a patch, which `git apply` understands.",
        rich_help_panel=ANSWER_PANEL,
    ),
]
Output = Annotated[
    str,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write the answer, or what --diff or --json make of it, to a file.",
        show_default="standard output",
        rich_help_panel=ANSWER_PANEL,
    ),
]
ColorOption = Annotated[
    ColorMode,
    typer.Option(
        "--color",
        envvar=environment_name("color"),
        help="Colours on standard output.",
        rich_help_panel=ANSWER_PANEL,
    ),
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet",
        "-q",
        envvar=environment_name("quiet"),
        callback=choose_one_of("quiet", "verbose"),
        help="No notes on standard error, only errors.",
        rich_help_panel=ANSWER_PANEL,
    ),
]
Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose",
        "-v",
        envvar=environment_name("verbose"),
        callback=choose_one_of("quiet", "verbose"),
        help="Report details on standard error.",
        rich_help_panel=ANSWER_PANEL,
    ),
]
Prompted = Annotated[
    bool,
    typer.Option(
        "--prompted",
        envvar=environment_name("prompted"),
        help="Begin the prompt like a file of solutions to programming exercises; StarCoder "
        "completes better that way.",
        rich_help_panel=TEXT_PANEL,
    ),
]
