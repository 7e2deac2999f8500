"""`starcoder trace`: where code comes from, as far as an index of code knows."""

import sys
from typing import Annotated

import typer

from starcoder_cli.commands.options import IndexFile
from starcoder_cli.errors import NegativeError
from starcoder_cli.input import STANDARD_INPUT
from starcoder_cli.output import Messages, is_terminal, wants_color, write_json, write_text
from starcoder_cli.settings import Color
from starcoder_cli.source import Place, Source

PlaceArgument = Annotated[
    str,
    typer.Argument(
        metavar="[FILE[:RANGE]|-]",
        help="A file, a range of one (LINE[:COL][-LINE[:COL]]), or - for standard input.",
        show_default=False,
    ),
]
FailOn = Annotated[
    list[str] | None,
    typer.Option(
        "--fail-on",
        metavar="LICENCE",
        help="Exit with 1 where code is under this licence, an SPDX expression, or `copyleft`, or "
        "`unknown`. May be given several times.",
    ),
]
Lang = Annotated[
    str | None, typer.Option("--lang", help="Language of the code.", show_default="from the file")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
ColorChoice = Annotated[Color, typer.Option("--color", help="Colours on standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No notes on standard error.")]


def trace(
    place: PlaceArgument = STANDARD_INPUT,
    index: IndexFile = None,
    fail_on: FailOn = None,
    lang: Lang = None,
    json: Json = False,
    color: ColorChoice = "auto",
    quiet: Quiet = False,
) -> None:
    """Show where code may come from: what of it is in the index, the longest first.

    White space, comments, quotes and brackets may differ; names may not. Each 28 tokens in a row
    (words, signs, strings) that are in an indexed file are found, and nothing below 16. In a pipe
    each origin is a line: lines, tokens, share of the text, project, version, place and licence,
    with tabs between.
    """
    from starcoder_cli.attribution.expressions import Refusal
    from starcoder_cli.commands.tracing import Traced, draw, record, rows

    refusal = Refusal.parse(fail_on or [])
    where = Place.parse(place)
    source = Source.read(where.path)
    span = source.range(where) if where.start else source.everything()
    traced = Traced.of(source, span, lang, index)
    if json:
        write_json(record(traced))
    elif is_terminal(sys.stdout):
        draw(traced, wants_color(color))
    else:
        write_text(rows(traced))
    if not traced.matches:
        Messages(quiet).note("nothing of it is in the index")
    refused = [licence for licence in traced.licences if refusal.refuses(licence)]
    if refused:
        names = ", ".join(licence or "an unknown licence" for licence in refused)
        raise NegativeError(f"there is code under {names}", "keep to the licence, or leave it out")
