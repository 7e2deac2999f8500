"""Results as a picture: time to first token by prompt length, writing rate, and memory."""

from collections.abc import Sequence
from importlib.util import find_spec
from io import BytesIO
from pathlib import PurePath
from typing import TYPE_CHECKING

from starcoder_cli.benchmark.measure import BenchmarkMetric
from starcoder_cli.benchmark.results import BenchmarkResult, Spread
from starcoder_cli.errors import MachineError, UsageError, extra_hint

if TYPE_CHECKING:
    from matplotlib.axes import Axes

IMAGE_SUFFIXES = (".svg", ".png", ".pdf")
BAR_TITLES = {"write": "tokens written in a second", "memory": "memory, GB"}


def check_chart_path(path: str) -> None:
    """Raise UsageError for a name that is not a picture's, MachineError if none can be drawn."""
    if PurePath(path).suffix.lower() not in IMAGE_SUFFIXES:
        raise UsageError(
            f"no picture can be drawn into {path}",
            f"let its name end in {', '.join(IMAGE_SUFFIXES)}",
        )
    if not find_spec("matplotlib"):
        raise MachineError("a picture needs matplotlib, which is not installed", extra_hint("eval"))


def render_chart(results: Sequence[BenchmarkResult], path: str) -> bytes:
    """A picture of the results, in the format given by its file's name."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    # A dollar sign in a name must not begin a formula, and equal results must give the same SVG.
    with rc_context({"svg.hashsalt": "starcoder", "font.size": 9, "text.parse_math": False}):
        figure = Figure(figsize=(11, 3.4 + 0.15 * len(results)), layout="constrained")
        bar_names = [name for name in BAR_TITLES if any(result.median(name) for result in results)]
        subplots = figure.subplots(
            1, 1 + len(bar_names), squeeze=False, width_ratios=[5, *(3 for _ in bar_names)]
        )
        draw_lines(subplots[0][0], results)
        for axes, name in zip(subplots[0][1:], bar_names, strict=True):
            draw_bars(axes, results, name)
        figure.legend(loc="outside lower center", ncols=2)
        buffer, image_format = BytesIO(), PurePath(path).suffix[1:].lower()
        figure.savefig(
            buffer,
            format=image_format,
            dpi=150,
            metadata={"Date": None} if image_format == "svg" else None,
        )
    return buffer.getvalue()


def draw_lines(axes: "Axes", results: Sequence[BenchmarkResult]) -> None:
    """A line for each result: seconds to the first token over prompt tokens."""
    from matplotlib.ticker import LogLocator

    lengths: set[int] = set()
    for result in results:
        spreads_by_length = result.spreads_by_length("first_token")
        lengths |= spreads_by_length.keys()
        axes.errorbar(
            list(spreads_by_length),
            [spread.median for spread in spreads_by_length.values()],
            yerr=error_bars(list(spreads_by_length.values())),
            marker="o",
            capsize=3,
            label=f"{result.short_name}, {result.engine_title}",
        )
    axes.set(xscale="log", yscale="log", xlabel="tokens of the prompt")
    axes.set_title("seconds to the first token")
    axes.set_xticks(sorted(lengths), [f"{length:,}" for length in sorted(lengths)])
    axes.minorticks_off()
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.grid(alpha=0.3)


def draw_bars(axes: "Axes", results: Sequence[BenchmarkResult], name: str) -> None:
    """A bar for each result that has a metric, in the colour of its line; bytes in GB."""
    unit = 1e9 if name == "memory" else 1
    for index, result in enumerate(results):
        spread = result.spreads.get(BenchmarkMetric(name))
        if spread:
            scaled = Spread(*(value / unit for value in (spread.median, spread.low, spread.high)))
            bar = axes.bar(
                index, scaled.median, yerr=error_bars([scaled]), capsize=3, color=f"C{index % 10}"
            )
            axes.bar_label(bar, fmt="{:.3g}", padding=2)
    axes.set_title(BAR_TITLES[name])
    axes.set(xticks=[], xlim=(-0.8, max(len(results), 3) - 0.2))
    axes.margins(y=0.15)


def error_bars(spreads: Sequence[Spread]) -> list[list[float]]:
    """How far each spread goes below and above its median."""
    return [
        [spread.median - spread.low for spread in spreads],
        [spread.high - spread.median for spread in spreads],
    ]
