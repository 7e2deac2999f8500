"""Pictures of scores, as SVG that stands in a page and needs nothing else."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from io import StringIO
from typing import TYPE_CHECKING

from starcoder_cli.errors import InputError
from starcoder_cli.evaluation.summary import Group, Mark

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OWN, OTHERS = "#4f9bb5", "#c5cfd3"
ENDS: Mapping[str, str] = {
    "passed": "#2e7d4f",
    "wrong": "#d9a441",
    "crashed": "#b4553f",
    "timeout": "#6b5b95",
}
GREY = "#8a9296"
INCHES = 8.0
ROW_INCHES = 0.32


def need_matplotlib() -> None:
    """Raises InputError where the library that draws is not installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise InputError(
            "a report needs matplotlib, which is not installed", "run: pip install matplotlib"
        ) from error


def score_chart(marks: Sequence[Mark]) -> str:
    """A bar for each score, our own with its interval, in the order that they are in."""
    with style():
        figure, axes = blank(len(marks))
        names = [f"{mark.group}: {mark.model}" for mark in marks]
        values = [100 * mark.value for mark in marks]
        colors = [OTHERS if mark.source else OWN for mark in marks]
        axes.barh(range(len(marks)), values, color=colors, height=0.7)
        for at, mark in enumerate(marks):
            end = mark.value if mark.high is None else mark.high
            if mark.low is not None and mark.high is not None:
                axes.plot([100 * mark.low, 100 * mark.high], [at, at], color="#1b2327", lw=1.2)
            axes.text(100 * end + 1, at, mark.per_cent, va="center", color="#3b464b")
        axes.set_yticks(range(len(marks)), names)
        axes.set_xlim(0, 100)
        axes.set_xlabel(f"{marks[0].metric}, per cent")
        return svg(figure)


def ending_chart(groups: Sequence[Group]) -> str:
    """How the answers of each group ended, as shares of all."""
    counts = [endings(group) for group in groups]
    kinds = [*ENDS, *sorted({kind for count in counts for kind in count} - ENDS.keys())]
    with style():
        figure, axes = blank(len(groups) + 1)
        left = [0.0] * len(groups)
        for kind in kinds:
            shares = [100 * count[kind] / max(count.total(), 1) for count in counts]
            if any(shares):
                color = ENDS.get(kind, GREY)
                axes.barh(range(len(groups)), shares, left=left, color=color, label=kind)
            left = [before + share for before, share in zip(left, shares, strict=True)]
        axes.set_yticks(range(len(groups)), [group.name for group in groups])
        axes.set_xlim(0, 100)
        axes.set_xlabel("per cent of the answers")
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=6, frameon=False)
        return svg(figure)


def endings(group: Group) -> Counter[str]:
    """How many answers of a group ended in which way."""
    verdicts = (verdict for each in group.answered for verdict in each.verdicts)
    return Counter(str(verdict.get("result")) for verdict in verdicts)


def style() -> AbstractContextManager[None]:
    """How pictures look, and that text in them stays text, whatever is in it."""
    from matplotlib import rc_context

    return rc_context(
        {
            "font.family": "sans-serif",
            "font.size": 10,
            "svg.fonttype": "none",
            "svg.hashsalt": "starcoder",
            "text.parse_math": False,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": GREY,
        }
    )


def blank(rows: int) -> "tuple[Figure, Axes]":
    """A figure for so many rows, the first of them at the top."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(INCHES, 0.8 + ROW_INCHES * rows), layout="constrained")
    axes = figure.add_subplot()
    axes.invert_yaxis()
    return figure, axes


def svg(figure: "Figure") -> str:
    """A figure as an element of a page; the same bytes each time."""
    out = StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    return text[text.index("<svg") :]
