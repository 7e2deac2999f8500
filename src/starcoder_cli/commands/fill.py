"""`starcoder fill`: replace a range of a file with what the model would write there."""

from typing import Annotated

import typer

from starcoder_cli.commands.expand import expand_groups
from starcoder_cli.commands.groups import DeliveryFlags, MessageFlags
from starcoder_cli.commands.hole_groups import HoleFlags
from starcoder_cli.commands.options import Batch
from starcoder_cli.errors import UsageError
from starcoder_cli.files.notebook import read_place
from starcoder_cli.settings import environment_name
from starcoder_cli.system.timing import time_limit

FillPlace = Annotated[
    str,
    typer.Argument(
        metavar="FILE:LINE[:COL][-LINE[:COL]]",
        help="The range to replace; with --at, a file or - for standard input; with --batch, a "
        "JSONL file.",
    ),
]
At = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="MARKER",
        help="Fill at this text, for example '<FILL>'.",
        rich_help_panel="What the model reads",
    ),
]
Plain = Annotated[
    bool,
    typer.Option(
        "--plain",
        envvar=environment_name("plain"),
        help="Print the code alone, at a terminal too.",
        rich_help_panel="Answer",
    ),
]


@expand_groups
def fill(
    place: FillPlace,
    at: At = None,
    *,
    hole: HoleFlags,
    plain: Plain = False,
    delivery: DeliveryFlags,
    batch: Batch = False,
    messages: MessageFlags,
) -> None:
    """Replace a range of a file with what the model would write there.

    Lines and columns start at 1, and columns count characters. A range ends with its last line, or
    before its last column; a single place with a column is an empty range. In a notebook the number
    of a cell comes first: FILE.ipynb:CELL[:LINE]. The answer goes to standard output, at a terminal
    between the lines around it; with --in-place it goes into the file.
    """
    request = hole.request(fim=True)
    output = messages.values(
        delivery, between=not plain, echo=hole.echo, show_prompt=hole.show_prompt
    )
    with time_limit(hole.timeout):
        if batch and at is not None:
            raise UsageError("--batch and --at cannot be used together", "give each gap its place")
        if batch:
            from starcoder_cli.app.batch import answer_file

            answer_file(place, request, output)
            return
        source, where = read_place(place, hole.text.filename, hole.text.lang, at)
        span = source.span_of_marker(at) if at is not None else source.span_of(where)
        from starcoder_cli.app.answer import run_answer

        run_answer(source, span, request, output)
