"""`starcoder edit`: write code of a file anew as an instruction says."""

from functools import partial
from typing import Annotated

import typer

from starcoder_cli.catalog import DEFAULT
from starcoder_cli.commands.options import (
    MODEL_PANEL,
    Adapter,
    ApiKeyFile,
    Candidates,
    ColorOption,
    Device,
    Diff,
    DtypeOption,
    Echo,
    EndpointOption,
    EngineOption,
    Filename,
    IndexFile,
    InPlace,
    Json,
    KeepAlive,
    Lang,
    ModelName,
    NoServer,
    Offline,
    Output,
    Pick,
    Provenance,
    QuantizeOption,
    Quiet,
    Raw,
    Seed,
    ShowPrompt,
    Stop,
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

MORE = 256
MOST = 100_000

PlaceArgument = Annotated[
    str,
    typer.Argument(
        metavar="FILE[:LINE[:COL][-LINE[:COL]]]|-",
        help="A file, a range of one, or - for standard input.",
    ),
]
Instruction = Annotated[str, typer.Argument(help="What is to be changed.")]
MaxTokens = Annotated[
    int | None,
    typer.Option(
        "--max-tokens",
        envvar=environment_name("max_tokens"),
        help="Most tokens to write.",
        show_default="what the code has, and 256 more",
        rich_help_panel=MODEL_PANEL,
    ),
]


def edit(
    place: PlaceArgument,
    instruction: Instruction,
    model: ModelName = DEFAULT,
    max_tokens: MaxTokens = None,
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
    api_key_file: ApiKeyFile = "",
    lang: Lang = None,
    filename: Filename = None,
    show_prompt: ShowPrompt = False,
    stop: Stop = None,
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
    color: ColorOption = "auto",
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Write code anew as an instruction says: a whole file, or a range of one.

    The new code goes to standard output; with --diff it is a patch, with --in-place it goes into
    the file.
    """
    from starcoder_cli.app.deliver import Look
    from starcoder_cli.app.request import Remote, Request, Several, staying
    from starcoder_cli.loading import Loading
    from starcoder_cli.model import Sampling

    request = Request(
        model=model,
        sampling=Sampling(MORE if max_tokens is None else max_tokens, temperature, top_p, seed),
        stop=tuple(stop or ()),
        lang=lang,
        filename=filename,
        raw=raw,
        offline=offline,
        loading=Loading(quantize, device, dtype, adapter, engine),
        several=Several.of(candidates, verify, pick, timeout),
        keep_alive=staying(keep_alive, no_server),
        remote=Remote(endpoint, "", api_key_file),
        provenance=provenance,
        trace=trace,
        index=index,
    )
    look = Look(False, json, echo, show_prompt, color, quiet, verbose, diff, in_place, output)
    if not instruction.strip():
        raise UsageError("the instruction is empty", "say what is to be changed")
    with time_limit(timeout):
        where = Place.parse(place)
        source = Source.read(where.path)
        span = source.range(where) if where.start else source.everything()
        from starcoder_cli.app.answer import answer
        from starcoder_cli.app.edit import Change

        if max_tokens is None:
            request = request.with_max_tokens(min(MORE + (span.end - span.start) // 2, MOST))
        answer(source, span, request, look, partial(Change.of, instruction=instruction))
