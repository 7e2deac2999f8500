"""Charts of scores, as self-contained inline SVG."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from io import StringIO
from typing import TYPE_CHECKING

from starcoder_cli.errors import InputError, extra_hint
from starcoder_cli.evaluation.summary import ProblemGroup, ScoreRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OWN_COLOR, PUBLISHED_COLOR = "#4f9bb5", "#c5cfd3"
RESULT_COLORS: Mapping[str, str] = {
    "passed": "#2e7d4f",
    "wrong": "#d9a441",
    "crashed": "#b4553f",
    "timeout": "#6b5b95",
}
GREY = "#8a9296"
CHART_WIDTH_INCHES = 8.0
ROW_HEIGHT_INCHES = 0.32


def require_matplotlib() -> None:
    """Raise InputError if the drawing library is not installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise InputError(
            "a report needs matplotlib, which is not installed", extra_hint("eval")
        ) from error


def render_score_chart(rows: Sequence[ScoreRow]) -> str:
    """Draw a bar for each score in order, our own with its interval."""
    with chart_style():
        figure, axes = create_figure(len(rows) + 1)
        labels = [f"{row.group}: {row.model}" for row in rows]
        values = [100 * row.value for row in rows]
        colors = [PUBLISHED_COLOR if row.source else OWN_COLOR for row in rows]
        axes.barh(range(len(rows)), values, color=colors, height=0.7)
        for y, row in enumerate(rows):
            bar_end = row.value if row.high is None else row.high
            if row.low is not None and row.high is not None:
                axes.plot([100 * row.low, 100 * row.high], [y, y], color="#1b2327", lw=1.2)
            axes.text(100 * bar_end + 1, y, row.percent, va="center", color="#3b464b")
        axes.set_yticks(range(len(rows)), labels)
        axes.set_xlim(0, 100)
        axes.set_xlabel(f"{rows[0].metric}, per cent")
        axes.margins(y=0.01)
        add_score_legend(figure, rows)
        return render_svg(figure)


def add_score_legend(figure: "Figure", rows: Sequence[ScoreRow]) -> None:
    """Explain the colours that are used, above the bars."""
    from matplotlib.patches import Patch

    titles = {OWN_COLOR: "measured (95 % interval)", PUBLISHED_COLOR: "published by its authors"}
    used = {PUBLISHED_COLOR if row.source else OWN_COLOR for row in rows}
    patches = [Patch(color=color, label=titles[color]) for color in titles if color in used]
    figure.legend(handles=patches, loc="outside upper center", ncols=2, frameon=False)


def render_result_chart(groups: Sequence[ProblemGroup]) -> str:
    """Draw how the answers of each group ended, as shares of all."""
    counts = [count_results(group) for group in groups]
    result_names = [
        *RESULT_COLORS,
        *sorted({result_name for count in counts for result_name in count} - RESULT_COLORS.keys()),
    ]
    with chart_style():
        figure, axes = create_figure(len(groups) + 1)
        offsets = [0.0] * len(groups)
        for result_name in result_names:
            shares = [100 * count[result_name] / max(count.total(), 1) for count in counts]
            if any(shares):
                color = RESULT_COLORS.get(result_name, GREY)
                axes.barh(range(len(groups)), shares, left=offsets, color=color, label=result_name)
            offsets = [offset + share for offset, share in zip(offsets, shares, strict=True)]
        axes.set_yticks(range(len(groups)), [group.name for group in groups])
        axes.set_xlim(0, 100)
        axes.set_xlabel("per cent of the answers")
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=6, frameon=False)
        return render_svg(figure)


def count_results(group: ProblemGroup) -> Counter[str]:
    """Count the answers of a group by result."""
    verdicts = (verdict for result in group.results for verdict in result.verdicts)
    return Counter(str(verdict.get("result")) for verdict in verdicts)


def chart_style() -> AbstractContextManager[None]:
    """The style of the charts; text in them stays text, whatever it contains."""
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


def create_figure(row_count: int) -> "tuple[Figure, Axes]":
    """Create a figure with room for `row_count` rows, the first at the top."""
    from matplotlib.figure import Figure

    figure = Figure(
        figsize=(CHART_WIDTH_INCHES, 0.8 + ROW_HEIGHT_INCHES * row_count), layout="constrained"
    )
    axes = figure.add_subplot()
    axes.invert_yaxis()
    return figure, axes


def render_svg(figure: "Figure") -> str:
    """Render a figure as an SVG element, with the same bytes each time."""
    buffer = StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
