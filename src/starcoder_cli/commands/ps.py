"""`starcoder ps`: list the models that the server has loaded."""

from typing import Annotated

import typer

from starcoder_cli.catalog import format_size
from starcoder_cli.engines.server_model import LocalServer
from starcoder_cli.loading import ENGINE_TITLES
from starcoder_cli.net.daemon import PROBE_SECONDS, find_socket
from starcoder_cli.terminal.output import write_json, write_message, write_text
from starcoder_cli.terminal.table import format_columns
from starcoder_cli.wire.local_protocol import ModelStatus, parse_model_statuses


def ps(
    json: Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")] = False,
) -> None:
    """List the models that the server has loaded.

    Shows their size, when they were loaded, and when they will be unloaded. In a pipe: name,
    engine, window, size, time since it was loaded, time until it is unloaded, and number of
    answers, with tabs between; --json has bytes and seconds.
    """
    path = find_socket()
    if path is None:
        write_message("no server is running")
        return
    status = LocalServer(path).request_json("GET", "/models", seconds=PROBE_SECONDS)
    models = parse_model_statuses(status)
    if json:
        for model in models:
            write_json(vars(model))
        return
    if not models:
        write_message("the server has no model loaded")
        return
    heading = ("name", "engine", "window", "size", "loaded", "unloads", "answers", "")
    write_text(format_columns([heading, *map(format_row, models)]))


def format_row(model: ModelStatus) -> tuple[str, ...]:
    """Format a model as a row for people."""
    unloads = "never" if model.until is None else f"in {format_seconds(model.until)}"
    return (
        model.model,
        ENGINE_TITLES.get(model.engine, model.engine),
        str(model.window),
        format_size(model.size),
        f"{format_seconds(model.since)} ago",
        "answering" if model.busy else unloads,
        str(model.answers),
        "",
    )


def format_seconds(seconds: float) -> str:
    """Format a duration: `40 s`, `4 min`, `2 h`."""
    if seconds < 90:
        return f"{max(0, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{round(seconds / 3600)} h"
