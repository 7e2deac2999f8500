"""`starcoder complete`: continue a file, or standard input."""

from typing import Annotated

import typer

from starcoder_cli.catalog import DEFAULT
from starcoder_cli.commands.options import (
    TEXT_PANEL,
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
from starcoder_cli.files.read import STANDARD_INPUT
from starcoder_cli.files.source import Place, Source
from starcoder_cli.settings import STANDARD_OUTPUT, environment_name
from starcoder_cli.system.timing import time_limit

PlaceArgument = Annotated[
    str,
    typer.Argument(
        metavar="[FILE[:LINE[:COL]]|-]",
        help="A file, a position in one to continue at, or - for standard input.",
        show_default=False,
    ),
]
Prompted = Annotated[
    bool,
    typer.Option(
        "--prompted",
        envvar=environment_name("prompted"),
        help="Let the text begin like the file of a solution, which StarCoder completes better.",
        rich_help_panel=TEXT_PANEL,
    ),
]


def complete(
    place: PlaceArgument = STANDARD_INPUT,
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
    prompted: Prompted = False,
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
    json: Json = False,
    diff: Diff = False,
    in_place: InPlace = False,
    output: Output = STANDARD_OUTPUT,
    batch: Batch = False,
    color: ColorOption = "auto",
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Continue a file, everything up to a place in it, or standard input.

    What follows the place is read too: the answer ends where it would begin again.
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
        stop=tuple(stop or ()),
        lang=lang,
        filename=filename,
        order=order,
        lines=lines,
        raw=raw,
        strict_context=strict_context,
        offline=offline,
        prompted=prompted,
        loading=loading,
        wish=Wish(tuple(include or ()), 0.0 if no_context else context, filename),
        several=Several.of(candidates, verify, pick, timeout),
        keep_alive=staying(keep_alive, no_server),
        remote=Remote(endpoint, fim, api_key_file),
        provenance=provenance,
        trace=trace,
        index=index,
    )
    look = Look(False, json, echo, show_prompt, color, quiet, verbose, diff, in_place, output)
    with time_limit(timeout):
        if batch:
            from starcoder_cli.app.batch import answer_each

            answer_each(place, request, look)
            return
        where = Place.parse(place)
        source = Source.read(where.path)
        span = source.after(where)
        from starcoder_cli.app.answer import answer

        answer(source, span, request, look)
