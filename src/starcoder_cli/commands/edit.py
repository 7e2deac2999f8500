"""`starcoder edit`: rewrite code in a file to follow an instruction."""

from functools import partial
from typing import Annotated

import typer

from starcoder_cli.catalog import DEFAULT_MODEL
from starcoder_cli.commands.expand import expand_groups
from starcoder_cli.commands.groups import (
    CandidateFlags,
    ChoiceFlags,
    DeliveryFlags,
    EndpointFlags,
    MessageFlags,
    ModelFlags,
    NoticeFlags,
)
from starcoder_cli.commands.options import (
    MODEL_PANEL,
    Echo,
    Filename,
    Lang,
    ModelName,
    Raw,
    ShowPrompt,
    Stop,
)
from starcoder_cli.errors import UsageError
from starcoder_cli.files.notebook import read_place
from starcoder_cli.settings import environment_name
from starcoder_cli.system.timing import time_limit

EditPlace = Annotated[
    str,
    typer.Argument(
        metavar="FILE[:LINE[:COL][-LINE[:COL]]]|-",
        help="A file, a range of one, or - for standard input.",
    ),
]
Instruction = Annotated[str, typer.Argument(help="What to change.")]
EditMaxTokens = Annotated[
    int | None,
    typer.Option(
        "--max-tokens",
        envvar=environment_name("max_tokens"),
        help="Maximum number of tokens to generate.",
        show_default="half the number of characters in the code, plus 256",
        rich_help_panel=MODEL_PANEL,
    ),
]


@expand_groups
def edit(
    place: EditPlace,
    instruction: Instruction,
    model: ModelName = DEFAULT_MODEL,
    max_tokens: EditMaxTokens = None,
    *,
    choice: ChoiceFlags,
    opening: ModelFlags,
    endpoint: EndpointFlags,
    lang: Lang = None,
    filename: Filename = None,
    show_prompt: ShowPrompt = False,
    stop: Stop = None,
    raw: Raw = False,
    notices: NoticeFlags,
    candidates: CandidateFlags,
    echo: Echo = False,
    delivery: DeliveryFlags,
    messages: MessageFlags,
) -> None:
    """Rewrite code to follow an instruction: a file, a range of one, or a notebook's cell.

    The new code goes to standard output; with --diff it is a patch, with --in-place it goes into
    the file.
    """
    from starcoder_cli.app.edit import EXTRA_TOKENS
    from starcoder_cli.app.request import Request
    from starcoder_cli.infill import InfillOptions

    request = Request(
        model=model,
        sampling=choice.values(EXTRA_TOKENS if max_tokens is None else max_tokens),
        infill=InfillOptions(stop=tuple(stop or ()), raw=raw),
        lang=lang,
        filename=filename,
        candidates=candidates.values(opening.timeout),
        notices=notices.values(),
        endpoint=endpoint.values(),
        **opening.values(),
    )
    output = messages.values(delivery, echo=echo, show_prompt=show_prompt)
    if not instruction.strip():
        raise UsageError("the instruction is empty", "say what is to be changed")
    with time_limit(opening.timeout):
        source, where = read_place(place, filename, lang)
        is_whole_file = where.start is None and source.document == source.raw
        span = source.whole_span() if is_whole_file else source.span_of(where)
        from starcoder_cli.app.answer import run_answer  # only after the cheap checks
        from starcoder_cli.app.edit import edit_max_tokens, edit_task

        if max_tokens is None:
            request = request.with_max_tokens(edit_max_tokens(span.end - span.start))
        run_answer(source, span, request, output, partial(edit_task, instruction=instruction))
