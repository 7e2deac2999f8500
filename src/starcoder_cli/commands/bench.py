"""`starcoder bench`: how fast models are on this machine, side by side."""

from typing import Annotated

import typer

from starcoder_cli.catalog import DEFAULT_MODEL
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
from starcoder_cli.settings import EngineChoice, environment_name
from starcoder_cli.system.timing import time_limit

MEASURED_PANEL = "What is measured"

BenchModels = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="MODEL",
        help="Catalog names, GGUF files or checkpoint folders that are installed; with --endpoint "
        "its models.",
        show_default=f"{environment_name('model')}, else {DEFAULT_MODEL}",
    ),
]
BenchEngine = Annotated[
    EngineChoice,
    typer.Option(
        "--engine",
        help="What runs the models; auto: each engine that can.",
        rich_help_panel=MODEL_PANEL,
    ),
]
BenchEndpoint = Annotated[
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
    typer.Option(
        metavar="N,N,...",
        help="Lengths of the prompts, in tokens.",
        rich_help_panel=MEASURED_PANEL,
    ),
]
WrittenTokens = Annotated[
    int,
    typer.Option(help="Tokens to write after each prompt.", rich_help_panel=MEASURED_PANEL),
]
Runs = Annotated[
    int,
    typer.Option(
        help="How many times each model is loaded and measured.", rich_help_panel=MEASURED_PANEL
    ),
]
BenchJson = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print JSON, one object per model and engine.",
        rich_help_panel=MEASURED_PANEL,
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
Worker = Annotated[
    bool,
    typer.Option("--trial", hidden=True, help="Measure once, here; what the others are run by."),
]


def bench(
    models: BenchModels = None,
    engine: BenchEngine = "auto",
    quantize: QuantizeOption = "auto",
    device: Device = "auto",
    dtype: DtypeOption = "auto",
    adapter: Adapter = "",
    endpoint: BenchEndpoint = "",
    api_key_file: ApiKeyFile = "",
    timeout: Timeout = None,
    prompt_tokens: PromptTokens = "64,256,1024",
    tokens: WrittenTokens = 32,
    runs: Runs = 3,
    json: BenchJson = False,
    picture: Picture = "",
    quiet: Quiet = False,
    verbose: Verbose = False,
    trial: Worker = False,
) -> None:
    """Measure how fast models are on this machine, side by side.

    For each model, and each engine that can run it: seconds to load, seconds to the first token by
    length of the prompt, and the same after an edit at the end of the prompt; tokens read and
    written in a second; memory. Each run loads the model again in a process of its own; runs
    alternate between models.

    Models must be installed: see `starcoder models pull`. A failure is reported on standard error
    and by the exit code; the other models are still measured.
    """
    from starcoder_cli.app.benchmark import BenchmarkPlan
    from starcoder_cli.benchmark.measure import BenchmarkWorkload
    from starcoder_cli.loading import LoadOptions

    workload = BenchmarkWorkload.parse(prompt_tokens, tokens)
    loading = LoadOptions(quantize, device, dtype, adapter, engine)
    plan = BenchmarkPlan(tuple(models or ()), workload, runs, loading, endpoint, api_key_file)
    if trial:
        from starcoder_cli.app.benchmark_worker import measure_in_process

        measure_in_process(plan)
        return
    from starcoder_cli.app.benchmark import BenchmarkOutput, run_benchmark
    from starcoder_cli.terminal.output import Messages

    with time_limit(timeout):
        code = run_benchmark(plan, BenchmarkOutput(json, picture), Messages(quiet, verbose))
    if code:
        raise typer.Exit(code)
