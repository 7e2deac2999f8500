"""`starcoder complete`: continue a file, or standard input."""

from typing import Annotated

import typer

from starcoder_cli.catalog import DEFAULT_MODEL
from starcoder_cli.commands.expand import expand_groups
from starcoder_cli.commands.groups import (
    CandidateFlags,
    ContextFlags,
    DeliveryFlags,
    EndingFlags,
    FimEndpointFlags,
    MessageFlags,
    ModelFlags,
    NoticeFlags,
    SamplingFlags,
    TextFlags,
)
from starcoder_cli.commands.options import TEXT_PANEL, Batch, Echo, ModelName, ShowPrompt
from starcoder_cli.files.read import STANDARD_INPUT
from starcoder_cli.files.source import Place, Source
from starcoder_cli.settings import environment_name
from starcoder_cli.system.timing import time_limit

CompletionPlace = Annotated[
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


@expand_groups
def complete(
    place: CompletionPlace = STANDARD_INPUT,
    model: ModelName = DEFAULT_MODEL,
    *,
    sampling: SamplingFlags,
    opening: ModelFlags,
    endpoint: FimEndpointFlags,
    text: TextFlags,
    prompted: Prompted = False,
    context: ContextFlags,
    show_prompt: ShowPrompt = False,
    ending: EndingFlags,
    notices: NoticeFlags,
    candidates: CandidateFlags,
    echo: Echo = False,
    delivery: DeliveryFlags,
    batch: Batch = False,
    messages: MessageFlags,
) -> None:
    """Continue a file, everything up to a place in it, or standard input.

    What follows the place is read too: the answer ends where it would begin again.
    """
    from starcoder_cli.app.request import Request
    from starcoder_cli.infill import InfillOptions

    request = Request(
        model=model,
        sampling=sampling.values(),
        infill=InfillOptions(
            stop=ending.stops,
            order=text.order,
            lines=ending.lines,
            raw=ending.raw,
            strict_context=context.strict_context,
            prompted=prompted,
        ),
        lang=text.lang,
        filename=text.filename,
        context=context.values(text.filename),
        candidates=candidates.values(opening.timeout),
        notices=notices.values(),
        endpoint=endpoint.values(),
        **opening.values(),
    )
    output = messages.values(delivery, echo=echo, show_prompt=show_prompt)
    with time_limit(opening.timeout):
        if batch:
            from starcoder_cli.app.batch import answer_file

            answer_file(place, request, output)
            return
        where = Place.parse(place)
        source = Source.read(where.path)
        span = source.span_after(where)
        from starcoder_cli.app.answer import run_answer  # once it is known what for

        run_answer(source, span, request, output)
