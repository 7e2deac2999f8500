"""`starcoder ps`: which models the server holds."""

from typing import Annotated

import typer

from starcoder_cli.catalog import size_text
from starcoder_cli.engines.server_model import PROBE_SECONDS, Endpoint
from starcoder_cli.loading import TITLES
from starcoder_cli.net.daemon import find
from starcoder_cli.terminal.output import say, write_json, write_text
from starcoder_cli.terminal.table import table
from starcoder_cli.wire.local_protocol import Running, running_of


def ps(
    json: Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")] = False,
) -> None:
    """Show which models the server holds.

    With their size, since when, and until when. In a pipe: name, engine, window, bytes, and
    seconds since and until, with tabs between.
    """
    path = find()
    if path is None:
        say("no server is running")
        return
    told = Endpoint(path).ask("GET", "/models", seconds=PROBE_SECONDS)
    models = running_of(told)
    if json:
        for model in models:
            write_json(vars(model))
        return
    if not models:
        say("the server holds no model")
        return
    heading = ("name", "engine", "window", "size", "loaded", "leaves", "answers", "")
    write_text(table([heading, *map(row, models)]))


def row(model: Running) -> tuple[str, ...]:
    """A model as a row for people."""
    leaves = "never" if model.until is None else f"in {span(model.until)}"
    return (
        model.model,
        TITLES.get(model.engine, model.engine),
        str(model.window),
        size_text(model.size),
        f"{span(model.since)} ago",
        "answering" if model.busy else leaves,
        str(model.answers),
        "",
    )


def span(seconds: float) -> str:
    """A span of time in words: `40 s`, `4 min`, `2 h`."""
    if seconds < 90:
        return f"{max(0, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{round(seconds / 3600)} h"
