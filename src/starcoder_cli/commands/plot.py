"""Scores as bars at the terminal."""

from collections.abc import Sequence
from io import StringIO

from starcoder_cli.evaluation.marks import Mark
from starcoder_cli.sanitize import one_line

WIDTH = 40


def drawn(marks: Sequence[Mark], color: bool) -> str:
    """A bar for each score, as long as it is large, with its interval beside it."""
    from rich.bar import Bar
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    for mark in marks:
        shade = "bright_black" if mark.source else "green"
        table.add_row(
            Text(one_line(mark.group)),
            Text(one_line(mark.metric)),
            Text(one_line(mark.model, 40)),
            Bar(1.0, 0.0, mark.value, width=WIDTH, color=shade),
            Text(mark.per_cent, shade),
            Text(mark.within, "dim"),
        )
    out = StringIO()
    console = Console(file=out, force_terminal=color, no_color=not color, highlight=False)
    console.print(table)
    return out.getvalue()
