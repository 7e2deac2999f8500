"""`starcoder complete`: continue a file, or standard input."""

from typing import Annotated

import typer

from starcoder_cli.catalog import DEFAULT
from starcoder_cli.commands.options import (
    ColorOption,
    Echo,
    Filename,
    Json,
    Lang,
    MaxTokens,
    ModelName,
    Offline,
    OrderOption,
    Quiet,
    Seed,
    ShowPrompt,
    Stop,
    StrictContext,
    Temperature,
    Timeout,
    TopP,
)
from starcoder_cli.source import STANDARD_INPUT, Place, Source
from starcoder_cli.timing import time_limit

PlaceArgument = Annotated[
    str,
    typer.Argument(
        metavar="[FILE[:LINE[:COL]]|-]",
        help="A file, a position in one to continue at, or - for standard input.",
        show_default=False,
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
    lang: Lang = None,
    filename: Filename = None,
    order: OrderOption = "psm",
    strict_context: StrictContext = False,
    show_prompt: ShowPrompt = False,
    stop: Stop = None,
    echo: Echo = False,
    json: Json = False,
    color: ColorOption = "auto",
    quiet: Quiet = False,
) -> None:
    """Continue a file, everything up to a place in it, or standard input.

    What follows the place is read too: the answer ends where it would begin again.
    """
    from starcoder_cli.commands.answer import Request, answer
    from starcoder_cli.commands.view import Look
    from starcoder_cli.model import Sampling

    sampling = Sampling(max_tokens, temperature, top_p, seed)
    request = Request(
        model, sampling, False, tuple(stop or ()), lang, filename, order, strict_context, offline
    )
    look = Look(False, json, echo, show_prompt, color, quiet)
    with time_limit(timeout):
        where = Place.parse(place)
        source = Source.read(where.path)
        answer(source, source.after(where), request, look)
