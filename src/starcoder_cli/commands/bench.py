"""`starcoder bench`: how fast models are on this machine, side by side."""

from typing import Annotated

import typer

from starcoder_cli.catalog import DEFAULT
from starcoder_cli.commands.options import (
    MODEL_PANEL,
    Adapter,
    ApiKeyFile,
    Device,
    DtypeOption,
    QuantizeOption,
    Quiet,
    Timeout,
    Verbose,
)
from starcoder_cli.settings import Engine, environment_name
from starcoder_cli.system.timing import time_limit

MEASURED_PANEL = "What is measured"

Models = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="MODEL",
        help="Catalog names, GGUF files or checkpoint folders that are here; with --endpoint its "
        "models.",
        show_default=f"{environment_name('model')}, else {DEFAULT}",
    ),
]
EngineOption = Annotated[
    Engine,
    typer.Option(
        "--engine",
        help="What runs the models; auto: each engine that can.",
        rich_help_panel=MODEL_PANEL,
    ),
]
Endpoint = Annotated[
    str,
    typer.Option(
        "--endpoint",
        envvar=environment_name("endpoint"),
        metavar="URL|NAME",
        help="Measure models of a server with OpenAI's API: its address, or a name that the "
        "configuration has an address for.",
        show_default=False,
        rich_help_panel=MODEL_PANEL,
    ),
]
PromptTokens = Annotated[
    str,
    typer.Option(metavar="N,N,...", help="Tokens of the prompts.", rich_help_panel=MEASURED_PANEL),
]
Tokens = Annotated[
    int,
    typer.Option(help="Tokens to write after each prompt.", rich_help_panel=MEASURED_PANEL),
]
Runs = Annotated[
    int,
    typer.Option(
        help="How often each model is loaded and measured.", rich_help_panel=MEASURED_PANEL
    ),
]
Json = Annotated[
    bool,
    typer.Option(
        "--json", help="Print JSON, one object a model and engine.", rich_help_panel=MEASURED_PANEL
    ),
]
Picture = Annotated[
    str,
    typer.Option(
        metavar="FILE",
        help="Draw the figures into a file: .svg, .png or .pdf.",
        show_default=False,
        rich_help_panel=MEASURED_PANEL,
    ),
]
Trial = Annotated[
    bool,
    typer.Option("--trial", hidden=True, help="Measure once, here; what the others are run by."),
]


def bench(
    models: Models = None,
    engine: EngineOption = "auto",
    quantize: QuantizeOption = "auto",
    device: Device = "auto",
    dtype: DtypeOption = "auto",
    adapter: Adapter = "",
    endpoint: Endpoint = "",
    api_key_file: ApiKeyFile = "",
    timeout: Timeout = None,
    prompt_tokens: PromptTokens = "64,256,1024",
    tokens: Tokens = 32,
    runs: Runs = 3,
    json: Json = False,
    picture: Picture = "",
    quiet: Quiet = False,
    verbose: Verbose = False,
    trial: Trial = False,
) -> None:
    """Measure how fast models are on this machine, side by side.

    For each model, and each engine that can run it: seconds to load, seconds to the first token by
    length of the prompt, and again after an edit at its end; tokens read and written in a second;
    memory. Each is loaded anew for every run, in a process of its own and in turns with the others.

    Models have to be here: `starcoder models pull` gets them. One that fails is told on standard
    error and by the exit code, and the others are measured all the same.
    """
    from starcoder_cli.app.benchmark import Contest
    from starcoder_cli.benchmark.measure import Course
    from starcoder_cli.loading import Loading

    course = Course.of(prompt_tokens, tokens)
    loading = Loading(quantize, device, dtype, adapter, engine)
    contest = Contest(tuple(models or ()), course, runs, loading, endpoint, api_key_file)
    if trial:
        from starcoder_cli.app.benchmark_worker import measure_here

        measure_here(contest)
        return
    from starcoder_cli.app.benchmark import Show, hold
    from starcoder_cli.terminal.output import Messages

    with time_limit(timeout):
        code = hold(contest, Show(json, picture), Messages(quiet, verbose))
    if code:
        raise typer.Exit(code)
