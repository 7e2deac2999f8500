"""`starcoder fill`: replace a range of a file with what the model would write there."""

from typing import Annotated

import typer

from starcoder_cli.catalog import DEFAULT
from starcoder_cli.commands.options import (
    Adapter,
    ApiKeyFile,
    Batch,
    Candidates,
    ColorOption,
    Context,
    Device,
    Diff,
    DtypeOption,
    Echo,
    EndpointOption,
    EngineOption,
    Filename,
    Fim,
    Include,
    IndexFile,
    InPlace,
    Json,
    KeepAlive,
    Lang,
    LinesOption,
    MaxTokens,
    ModelName,
    NoContext,
    NoServer,
    Offline,
    OrderOption,
    Output,
    Pick,
    Provenance,
    QuantizeOption,
    Quiet,
    Raw,
    Seed,
    ShowPrompt,
    Stop,
    StrictContext,
    Temperature,
    Timeout,
    TopP,
    Trace,
    Verbose,
    Verify,
)
from starcoder_cli.errors import UsageError
from starcoder_cli.files.source import Place, Source
from starcoder_cli.settings import STANDARD_OUTPUT, environment_name
from starcoder_cli.system.timing import time_limit

PlaceArgument = Annotated[
    str,
    typer.Argument(
        metavar="FILE:LINE[:COL][-LINE[:COL]]",
        help="The range to replace, or with --at a file, or - for standard input.",
    ),
]
At = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="MARKER",
        help="Fill where this text stands, for example '<FILL>'.",
        rich_help_panel="What the model reads",
    ),
]
Plain = Annotated[
    bool,
    typer.Option(
        "--plain",
        envvar=environment_name("plain"),
        help="At a terminal too, print the code alone.",
        rich_help_panel="Answer",
    ),
]


def fill(
    place: PlaceArgument,
    at: At = None,
    model: ModelName = DEFAULT,
    max_tokens: MaxTokens = 256,
    temperature: Temperature = 0.0,
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
    fim: Fim = "",
    api_key_file: ApiKeyFile = "",
    lang: Lang = None,
    filename: Filename = None,
    order: OrderOption = "psm",
    include: Include = None,
    context: Context = None,
    no_context: NoContext = False,
    strict_context: StrictContext = False,
    show_prompt: ShowPrompt = False,
    stop: Stop = None,
    lines: LinesOption = "auto",
    raw: Raw = False,
    provenance: Provenance = False,
    trace: Trace = False,
    index: IndexFile = None,
    candidates: Candidates = None,
    verify: Verify = None,
    pick: Pick = False,
    echo: Echo = False,
    plain: Plain = False,
    json: Json = False,
    diff: Diff = False,
    in_place: InPlace = False,
    output: Output = STANDARD_OUTPUT,
    batch: Batch = False,
    color: ColorOption = "auto",
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Replace a range of a file with what the model would write there.

    Lines and columns start at 1, and columns count characters. A range ends with its last line, or
    before its last column; one position with a column is an empty range. The answer
    goes to standard output, at a terminal between the lines around it; with --in-place it goes into
    the file.
    """
    from starcoder_cli.app.deliver import Look
    from starcoder_cli.app.request import Remote, Request, Several, Wish, staying
    from starcoder_cli.loading import Loading
    from starcoder_cli.model import Sampling

    sampling = Sampling(max_tokens, temperature, top_p, seed)
    loading = Loading(quantize, device, dtype, adapter, engine)
    request = Request(
        model=model,
        sampling=sampling,
        fills=True,
        stop=tuple(stop or ()),
        lang=lang,
        filename=filename,
        order=order,
        lines=lines,
        raw=raw,
        strict_context=strict_context,
        offline=offline,
        loading=loading,
        wish=Wish(tuple(include or ()), 0.0 if no_context else context, filename),
        several=Several.of(candidates, verify, pick, timeout),
        keep_alive=staying(keep_alive, no_server),
        remote=Remote(endpoint, fim, api_key_file),
        provenance=provenance,
        trace=trace,
        index=index,
    )
    look = Look(not plain, json, echo, show_prompt, color, quiet, verbose, diff, in_place, output)
    with time_limit(timeout):
        if batch and at is not None:
            raise UsageError("--batch and --at exclude each other", "give each hole its place")
        if batch:
            from starcoder_cli.app.batch import answer_each

            answer_each(place, request, look)
            return
        where = Place(place) if at is not None else Place.parse(place)
        source = Source.read(where.path)
        span = source.marked(at) if at is not None else source.range(where)
        from starcoder_cli.app.answer import answer

        answer(source, span, request, look)
