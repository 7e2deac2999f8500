"""The scores of a run as they are shown: a table, bars at the terminal, JSON, a page."""

from dataclasses import dataclass
from pathlib import Path

from starcoder_cli.commands.models import table
from starcoder_cli.evaluation.marks import Mark, marks
from starcoder_cli.evaluation.summary import Scores
from starcoder_cli.output import Messages, wants_color, write_json, write_text
from starcoder_cli.saving import Target
from starcoder_cli.settings import Color

HEADING = ("", "score", "per cent", "95 % within", "problems", "model", "source", "")
PAGE = "report.html"


@dataclass(frozen=True)
class Shown:
    """How scores are shown: as a page too, as bars, as JSON; in which colours."""

    report: bool = False
    plot: bool = False
    json: bool = False
    color: Color = "auto"


def show(scores: Scores, shown: Shown, messages: Messages) -> None:
    """The scores on standard output, and as a page where that is wanted."""
    found = list(marks(scores))
    if shown.report:
        from starcoder_cli.evaluation.page import page

        path = Path(scores.folder) / PAGE
        Target.output(str(path)).save(page(scores, found).encode())
        messages.note(f"the report is {path}")
    if shown.json:
        write_json(scores.record())
    elif shown.plot:
        from starcoder_cli.commands.plot import drawn

        write_text(drawn(found, wants_color(shown.color)))
    else:
        write_text(table([HEADING, *map(cells, found)]))


def cells(mark: Mark) -> tuple[str, ...]:
    """A score as a row of a table."""
    count = "" if mark.problems is None else str(mark.problems)
    shown = (mark.group, mark.metric, mark.per_cent, mark.within, count, mark.model)
    return (*shown, mark.source, "")
