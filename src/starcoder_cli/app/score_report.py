"""The scores of a run on standard output, as a table, as bars or as JSON, and as a page."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from starcoder_cli.errors import DataError
from starcoder_cli.evaluation.run import OTHER_FOLDER_HINT
from starcoder_cli.evaluation.summary import ScoreRow, Scores, score_rows
from starcoder_cli.files.links import refuse_link
from starcoder_cli.files.save import SaveTarget
from starcoder_cli.settings import ColorMode
from starcoder_cli.terminal.output import Messages, wants_color, write_json, write_text
from starcoder_cli.terminal.sanitize import to_one_line
from starcoder_cli.terminal.table import format_columns

SCORE_HEADING = ("", "score", "per cent", "95 % within", "problems", "model", "source", "")
REPORT_FILE = "report.html"


@dataclass(frozen=True)
class ReportOptions:
    """How scores are shown: as a page too, as bars or as JSON, and in which colours."""

    report: bool = False
    plot: bool = False
    json: bool = False
    color: ColorMode = "auto"


def show_scores(scores: Scores, options: ReportOptions, messages: Messages) -> None:
    """Show the scores on standard output, and as a page if that is wanted."""
    rows = list(score_rows(scores))
    if options.report:
        from starcoder_cli.evaluation.page import PAGE_MARK, render_page

        path = Path(scores.folder) / REPORT_FILE
        refuse_link(path, OTHER_FOLDER_HINT)
        if path.exists() and PAGE_MARK not in path.read_bytes():
            raise DataError(f"{path} is not what a run has written", OTHER_FOLDER_HINT)
        SaveTarget.for_output(str(path)).save(render_page(scores, rows).encode())
        messages.note(f"the report is {path}")
    if options.json:
        write_json(scores.record())
    elif options.plot:
        write_text(render_bars(rows, wants_color(options.color)))
    else:
        write_text(format_columns([SCORE_HEADING, *map(score_cells, rows)]))


def score_cells(mark: ScoreRow) -> tuple[str, ...]:
    """A score as a row of a table."""
    count = "" if mark.problem_count is None else str(mark.problem_count)
    cells = (mark.group, mark.metric, mark.percent, mark.interval_text, count, mark.model)
    return (*cells, mark.source, "")


BAR_WIDTH = 40


def render_bars(marks: Sequence[ScoreRow], color: bool) -> str:
    """A bar for each score, with its interval beside it."""
    from rich.bar import Bar
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    for mark in marks:
        shade = "bright_black" if mark.source else "green"
        table.add_row(
            Text(to_one_line(mark.group)),
            Text(to_one_line(mark.metric)),
            Text(to_one_line(mark.model, 40)),
            Bar(1.0, 0.0, mark.value, width=BAR_WIDTH, color=shade),
            Text(mark.percent, shade),
            Text(mark.interval_text, "dim"),
        )
    out = StringIO()
    console = Console(file=out, force_terminal=color, no_color=not color, highlight=False)
    console.print(table)
    return out.getvalue()
