"""`starcoder eval`: measure a model on a benchmark, or on your own code."""

from typing import Annotated, Literal

import typer

from starcoder_cli.catalog import DEFAULT_MODEL
from starcoder_cli.commands.expand import expand_groups
from starcoder_cli.commands.groups import (
    FimEndpointFlags,
    LoadingFlags,
    MessageFlags,
)
from starcoder_cli.commands.options import ModelName, Offline, OrderOption, Temperature, TopP

QUESTION_PANEL = "Questions"
SCORE_PANEL = "Results"

BenchmarkArgument = Annotated[
    Literal["humaneval", "mbpp", "multipl-e", "infilling", "santacoder-fim", "repo"],
    typer.Argument(
        metavar="BENCHMARK",
        help="humaneval, mbpp, multipl-e, infilling, santacoder-fim, or repo: your own code.",
        show_default=False,
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Use at most this many problems of each language, or gaps of each kind.",
        show_default="all; 50 of each kind in repo",
        rich_help_panel=QUESTION_PANEL,
    ),
]
Samples = Annotated[
    int,
    typer.Option(
        "--samples",
        "-n",
        min=1,
        max=1000,
        help="Answers to each problem, for pass@k (one of k is right); more than one needs a "
        "--temperature.",
        rich_help_panel=QUESTION_PANEL,
    ),
]
Languages = Annotated[
    list[str] | None,
    typer.Option(
        "--lang",
        help="Only this language; may be given several times.",
        show_default="all",
        rich_help_panel=QUESTION_PANEL,
    ),
]
Data = Annotated[
    list[str] | None,
    typer.Option(
        "--data",
        metavar="FILE",
        help="The benchmark's data, as published (JSON, JSONL, .gz, Parquet); may be given several "
        "times. For repo a folder.",
        show_default="fetched once; for repo the current folder",
        rich_help_panel=QUESTION_PANEL,
    ),
]
MostTokens = Annotated[
    int | None,
    typer.Option(
        "--max-tokens",
        min=1,
        help="Maximum number of tokens in an answer.",
        show_default="512; 256, 128 or 64 for gaps",
        rich_help_panel=QUESTION_PANEL,
    ),
]
FirstSeed = Annotated[
    int,
    typer.Option(
        "--seed",
        min=0,
        help="Random seed, for sampling and for the gaps of repo.",
        rich_help_panel=QUESTION_PANEL,
    ),
]
EvalPrompted = Annotated[
    bool,
    typer.Option(
        "--prompted",
        help="Begin the prompt like a file of solutions to programming exercises, as StarCoder's "
        "authors did.",
        rich_help_panel=QUESTION_PANEL,
    ),
]
EvalRaw = Annotated[
    bool,
    typer.Option(
        "--raw",
        help="Take the model's text up to the benchmark's stop words, without our clean-up.",
        rich_help_panel=QUESTION_PANEL,
    ),
]
Parallel = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=16,
        help="Answers generated at once. With more than one, rounding differs, so a greedy "
        "answer that was nearly tied may change from run to run.",
        show_default="1; 4 at an endpoint",
        rich_help_panel=QUESTION_PANEL,
    ),
]
Out = Annotated[
    str | None,
    typer.Option(
        "--out",
        metavar="DIR",
        help="The folder of the run: its answers, verdicts and report. A run resumes in it.",
        show_default="eval/BENCHMARK-MODEL",
        rich_help_panel=SCORE_PANEL,
    ),
]
RunCode = Annotated[
    bool,
    typer.Option(
        "--run-code",
        help="Run the answers against their tests, in a sandbox: they are code that a model wrote.",
        rich_help_panel=SCORE_PANEL,
    ),
]
EvalReport = Annotated[
    bool,
    typer.Option(
        "--report",
        help="Write report.html, one page with charts and every answer, into the folder.",
        rich_help_panel=SCORE_PANEL,
    ),
]
Plot = Annotated[
    bool,
    typer.Option(
        "--plot", help="Draw the scores as bars in the terminal.", rich_help_panel=SCORE_PANEL
    ),
]
EvalJson = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print one JSON object: settings, scores with intervals, published numbers.",
        rich_help_panel=SCORE_PANEL,
    ),
]


@expand_groups
def eval(
    benchmark: BenchmarkArgument,
    model: ModelName = DEFAULT_MODEL,
    limit: Limit = None,
    samples: Samples = 1,
    temperature: Temperature = 0.0,
    top_p: TopP = 0.95,
    seed: FirstSeed = 0,
    max_tokens: MostTokens = None,
    prompted: EvalPrompted = False,
    raw: EvalRaw = False,
    lang: Languages = None,
    data: Data = None,
    parallel: Parallel = None,
    order: OrderOption = "psm",
    offline: Offline = False,
    *,
    loading: LoadingFlags,
    endpoint: FimEndpointFlags,
    out: Out = None,
    run_code: RunCode = False,
    report: EvalReport = False,
    plot: Plot = False,
    json: EvalJson = False,
    messages: MessageFlags,
) -> None:
    """Measure a model on your code, or on public benchmarks such as those StarCoder's authors used.

    Scores are percentages with 95 % confidence intervals, beside the scores that StarCoder's
    authors published for their models.
    Every answer is kept in a folder, where the same command resumes an interrupted run. Nothing
    that a model wrote is run unless --run-code allows it.
    """
    from starcoder_cli.app.evaluate import evaluate
    from starcoder_cli.app.request import Request
    from starcoder_cli.app.score_report import ReportOptions
    from starcoder_cli.context.selection import ContextOptions
    from starcoder_cli.evaluation.selection import BenchmarkSelection
    from starcoder_cli.infill import InfillOptions
    from starcoder_cli.model import Sampling
    from starcoder_cli.terminal.output import Messages

    request = Request(
        model=model,
        sampling=Sampling(max_tokens or 1, temperature, top_p, seed if temperature else None),
        infill=InfillOptions(order=order, raw=raw, prompted=prompted, once=True),
        context=ContextOptions(seconds=0),
        offline=offline,
        loading=loading.values(),
        keep_alive=0,
        endpoint=endpoint.values(),
    )
    selection = BenchmarkSelection(
        benchmark_name=benchmark,
        limit=limit,
        samples=samples,
        seed=seed,
        max_tokens=max_tokens,
        languages=tuple(lang or ()),
        data_paths=tuple(data or ()),
        parallel=parallel or (4 if endpoint.endpoint else 1),
    )
    report_options = ReportOptions(report, plot, json, messages.color)
    evaluate(
        selection,
        request,
        out,
        run_code,
        report_options,
        Messages(messages.quiet, messages.verbose),
    )
