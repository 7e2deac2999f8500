"""`starcoder trace`: find the origin of code in an index of code."""

import sys
from typing import Annotated

import typer

from starcoder_cli.attribution.stack_lookup import DEFAULT_SERVICE_URL
from starcoder_cli.commands.options import OFFLINE_HELP, IndexFile
from starcoder_cli.errors import InputError, NegativeError
from starcoder_cli.files.links import note_file_read
from starcoder_cli.files.notebook_text import read_text
from starcoder_cli.files.read import STANDARD_INPUT
from starcoder_cli.settings import ColorMode, environment_name
from starcoder_cli.terminal.output import Messages, is_terminal, wants_color, write_json, write_text

TracePlace = Annotated[
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
        envvar=environment_name("fail_on"),
        metavar="LICENCE",
        help="Exit with 1 if code is under this licence: an SPDX expression, `copyleft`, or "
        "`unknown`. May be given several times.",
    ),
]
TraceLang = Annotated[
    str | None,
    typer.Option(
        "--lang",
        envvar=environment_name("lang"),
        help="Language of the code.",
        show_default="from the file",
    ),
]
TraceJson = Annotated[
    bool,
    typer.Option("--json", envvar=environment_name("json"), help="Print one JSON object."),
]
ColorChoice = Annotated[
    ColorMode,
    typer.Option("--color", envvar=environment_name("color"), help="Colours on standard output."),
]
TraceQuiet = Annotated[
    bool,
    typer.Option(
        "--quiet", "-q", envvar=environment_name("quiet"), help="No notes on standard error."
    ),
]
TraceReport = Annotated[
    str | None,
    typer.Option(
        "--report",
        metavar="FILE",
        help="Write a notice of what is found, as SPDX 2.3: tag-value, or JSON if the name ends "
        "in .json.",
        show_default=False,
    ),
]
PortraitOption = Annotated[
    bool,
    typer.Option(
        "--portrait",
        envvar=environment_name("portrait"),
        help="Also ask The Stack's membership service, which receives the code and says what "
        "StarCoder may have been trained on.",
    ),
]
PortraitUrl = Annotated[
    str,
    typer.Option(
        "--portrait-url",
        envvar=environment_name("portrait_url"),
        metavar="URL",
        help="Where that service is.",
    ),
]
TraceOffline = Annotated[
    bool,
    typer.Option("--offline", envvar=environment_name("offline"), help=OFFLINE_HELP),
]


def trace(
    place: TracePlace = STANDARD_INPUT,
    index: IndexFile = None,
    fail_on: FailOn = None,
    lang: TraceLang = None,
    report: TraceReport = None,
    portrait: PortraitOption = False,
    portrait_url: PortraitUrl = DEFAULT_SERVICE_URL,
    offline: TraceOffline = False,
    json: TraceJson = False,
    color: ColorChoice = "auto",
    quiet: TraceQuiet = False,
) -> None:
    """Trace code to its origin: which parts of it are in the index, the longest first.

    White space, comments, quotes and brackets may differ; names may not. Tokens here are words,
    symbols and strings. A match of 28 tokens or more is always found, one of 16 to 27 may be, and a
    shorter one is never reported. In a pipe each origin is a line: lines, tokens, share of the
    text, project, version, place and licence, with tabs between.

    With --portrait nothing that looks like a secret is sent, and no index is needed.
    """
    from starcoder_cli.app.trace import (
        TraceResult,
        draw_trace,
        look_up_in_stack,
        trace_record,
        trace_rows,
    )
    from starcoder_cli.app.trace_report import report_target, save_report
    from starcoder_cli.attribution.index import index_file, list_projects
    from starcoder_cli.attribution.licences import LicenceDenyList

    refusal = LicenceDenyList.parse(fail_on or [])
    source, where = read_text(place, lang)
    span = source.span_of(where) if where.start else source.whole_span()
    messages = Messages(quiet)
    if portrait:
        note_file_read(source.name, messages.note)
    target = report_target(report, source, messages) if report is not None else None
    drawn = look_up_in_stack(source, span, portrait_url, offline, messages) if portrait else None
    traced = TraceResult.of(source, span, lang, index, optional=portrait and not target)
    if json:
        write_json({**trace_record(traced), **({"portrait": drawn.record()} if drawn else {})})
    elif is_terminal(sys.stdout):
        draw_trace(traced, wants_color(color))
        if drawn:
            drawn.draw(wants_color(color))
    else:
        write_text(trace_rows(traced) + (drawn.rows() if drawn else ""))
    if target:
        save_report(target, traced, span.start)
    if not traced.matches:
        messages.note(f"{'there is no' if traced.absent else 'no part of it is in the'} index")
    if fail_on and not traced.absent and not list_projects(index_file(index)):
        raise InputError("the index has no code in it", "add some: starcoder index add PATH")
    refused = [licence for licence in traced.licences if refusal.denies(licence)]
    if refused:
        names = ", ".join(licence or "an unknown licence" for licence in refused)
        raise NegativeError(f"there is code under {names}", "keep to the licence, or leave it out")
