"""`starcoder complete`: continue a file, or standard input."""

from typing import Annotated

import typer

from starcoder_cli.commands.expand import expand_groups
from starcoder_cli.commands.groups import DeliveryFlags, MessageFlags
from starcoder_cli.commands.hole_groups import CompletionFlags
from starcoder_cli.commands.options import Batch
from starcoder_cli.files.notebook import read_place
from starcoder_cli.files.read import STANDARD_INPUT
from starcoder_cli.system.timing import time_limit

CompletionPlace = Annotated[
    str,
    typer.Argument(
        metavar="[FILE[:LINE[:COL]]|-]",
        help="A file, a place in one to continue from, or - for standard input.",
        show_default=False,
    ),
]


@expand_groups
def complete(
    place: CompletionPlace = STANDARD_INPUT,
    *,
    hole: CompletionFlags,
    delivery: DeliveryFlags,
    batch: Batch = False,
    messages: MessageFlags,
) -> None:
    """Continue a file from its end or from a place in it, or continue standard input.

    The text after the place is read too: the answer stops before it repeats that. In a
    notebook, the last code cell is continued, or the one named by FILE.ipynb:CELL[:LINE].
    """
    request = hole.request(fim=False, prompted=hole.text.prompted)
    output = messages.values(delivery, echo=hole.echo, show_prompt=hole.show_prompt)
    with time_limit(hole.timeout):
        if batch:
            from starcoder_cli.app.batch import answer_file

            answer_file(place, request, output)
            return
        source, where = read_place(place, hole.text.filename, hole.text.lang)
        span = source.span_after(where)
        from starcoder_cli.app.answer import run_answer  # only after the cheap checks

        run_answer(source, span, request, output)
