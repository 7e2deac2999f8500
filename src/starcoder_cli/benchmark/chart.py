"""Results as a picture: the first token by length of prompt, the rate of writing, the memory."""

from collections.abc import Sequence
from importlib.util import find_spec
from io import BytesIO
from pathlib import PurePath
from typing import TYPE_CHECKING

from starcoder_cli.benchmark.measure import Figure
from starcoder_cli.benchmark.results import Result, Spread
from starcoder_cli.errors import MachineError, UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMS = (".svg", ".png", ".pdf")
BARS = {"write": "tokens written in a second", "memory": "memory, GB"}
EXTRA = "pip install 'starcoder-cli[eval]'"


def check(path: str) -> None:
    """Raise UsageError for a name that no picture has, MachineError where none can be drawn."""
    if PurePath(path).suffix.lower() not in FORMS:
        raise UsageError(
            f"no picture can be drawn into {path}", f"let its name end in {', '.join(FORMS)}"
        )
    if not find_spec("matplotlib"):
        raise MachineError("a picture needs matplotlib, which is not here", f"run: {EXTRA}")


def draw(results: Sequence[Result], path: str) -> bytes:
    """A picture of the results, in the form that the name of its file tells."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure as Page

    # A dollar sign in a name begins no formula, and the same results are the same SVG.
    with rc_context({"svg.hashsalt": "starcoder", "font.size": 9, "text.parse_math": False}):
        page = Page(figsize=(11, 3.4 + 0.15 * len(results)), layout="constrained")
        known = [name for name in BARS if any(result.median(name) for result in results)]
        parts = page.subplots(
            1, 1 + len(known), squeeze=False, width_ratios=[5, *(3 for _ in known)]
        )
        lines(parts[0][0], results)
        for axes, name in zip(parts[0][1:], known, strict=True):
            bars(axes, results, name)
        page.legend(loc="outside lower center", ncols=2)
        file, form = BytesIO(), PurePath(path).suffix[1:].lower()
        page.savefig(file, format=form, dpi=150, metadata={"Date": None} if form == "svg" else None)
    return file.getvalue()


def lines(axes: "Axes", results: Sequence[Result]) -> None:
    """A line for each result: seconds to the first token over tokens of the prompt."""
    from matplotlib.ticker import LogLocator

    lengths: set[int] = set()
    for result in results:
        found = result.by_length("first_token")
        lengths |= found.keys()
        axes.errorbar(
            list(found),
            [spread.median for spread in found.values()],
            yerr=reach(list(found.values())),
            marker="o",
            capsize=3,
            label=f"{result.name}, {result.runner}",
        )
    axes.set(xscale="log", yscale="log", xlabel="tokens of the prompt")
    axes.set_title("seconds to the first token")
    axes.set_xticks(sorted(lengths), [f"{length:,}" for length in sorted(lengths)])
    axes.minorticks_off()
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.grid(alpha=0.3)


def bars(axes: "Axes", results: Sequence[Result], name: str) -> None:
    """A bar for each result that has a figure, in the colour of its line; bytes in GB."""
    unit = 1e9 if name == "memory" else 1
    for at, result in enumerate(results):
        spread = result.spreads.get(Figure(name))
        if spread:
            found = Spread(*(each / unit for each in (spread.median, spread.low, spread.high)))
            bar = axes.bar(at, found.median, yerr=reach([found]), capsize=3, color=f"C{at % 10}")
            axes.bar_label(bar, fmt="{:.3g}", padding=2)
    axes.set_title(BARS[name])
    axes.set(xticks=[], xlim=(-0.8, max(len(results), 3) - 0.2))
    axes.margins(y=0.15)


def reach(spreads: Sequence[Spread]) -> list[list[float]]:
    """How far each spread goes below its median, and above."""
    return [
        [spread.median - spread.low for spread in spreads],
        [spread.high - spread.median for spread in spreads],
    ]
