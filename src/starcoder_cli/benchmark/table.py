"""Results side by side: a table, and at a terminal bars."""

import shutil
import sys
from collections.abc import Iterator, Sequence
from io import StringIO
from typing import TYPE_CHECKING

from starcoder_cli.benchmark.measure import Figure
from starcoder_cli.benchmark.results import Result, Spread, rows
from starcoder_cli.catalog import size_text
from starcoder_cli.terminal.output import wants_color

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

LABELS = {
    "load": "load, s",
    "warm_up": "first prompt, s more",
    "first_token": "first token, {:,} tokens, s",
    "edited": "the same after an edit, s",
    "read": "reads, tokens/s",
    "write": "writes, tokens/s",
    "memory": "memory",
    "gpu_memory": "memory of GPUs",
}
MORE_IS_BETTER = {"read", "write"}
BAR = 30
NUMBER = 8
"""Characters of the number beside a bar."""

GAP = 2


def table(results: Sequence[Result]) -> str:
    """The results as plain text, a column each."""
    return rendered(columns(results), 10_000, color=False)


def draw(results: Sequence[Result]) -> None:
    """Show the results at a terminal: as many columns as fit, one below the other, then bars."""
    from starcoder_cli.terminal.code import emit

    width, color = shutil.get_terminal_size().columns, wants_color("auto")
    parts = [rendered(columns(page), width, color) for page in pages(results, width)]
    if "utf" in (sys.stdout.encoding or "").lower():
        parts += [
            rendered(bars(figure, results, width), width, color) for figure in charted(results)
        ]
    emit("\n".join(parts))


def rendered(shown: "RenderableType", width: int, color: bool) -> str:
    """What is to be shown as text, no line of it padded."""
    from rich.console import Console

    file = StringIO()
    console = Console(
        file=file, width=width, color_system="standard" if color else None, force_terminal=color
    )
    console.print(shown)
    return "".join(f"{line.rstrip()}\n" for line in file.getvalue().splitlines())


def columns(results: Sequence[Result]) -> "Table":
    """A table with a column for each result and a row for each figure, the best of it in bold."""
    from rich.table import Table
    from rich.text import Text

    made = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    made.add_column(Text(corner(results), "dim"))
    for result in results:
        made.add_column(Text(heading(result)), no_wrap=True)
    for figure in ordered(results):
        best, cells = winner(figure, results), []
        for result in results:
            spread = result.spreads.get(figure)
            cell = Text(value(figure, spread), "bold green" if result is best else "")
            cells.append(cell.append(extent(figure, spread), "not bold dim default"))
        made.add_row(Text(label(figure)), *cells)
    return made


def pages(results: Sequence[Result], width: int) -> Iterator[Sequence[Result]]:
    """The results, as many at a time as fit into a width; at least one."""
    from rich.cells import cell_len

    page: list[Result] = []
    beside = width - max(map(len, [corner(results), *map(label, ordered(results))]))
    left = beside
    for result in results:
        texts = [
            value(figure, spread) + extent(figure, spread)
            for figure, spread in result.spreads.items()
        ]
        needed = GAP + max(map(cell_len, [*heading(result).splitlines(), *texts]))
        if page and needed > left:
            yield page
            page, left = [], beside
        page.append(result)
        left -= needed
    yield page


def corner(results: Sequence[Result]) -> str:
    """What the numbers are."""
    runs = results[0].runs
    return "" if runs == 1 else f"median of {runs} (least-most)"


def label(figure: Figure) -> str:
    """What a figure is called."""
    return LABELS[figure.name].format(figure.length)


def heading(result: Result) -> str:
    """What stands above a column."""
    return f"{result.name}\n{result.runner}"


def ordered(results: Sequence[Result]) -> list[Figure]:
    """The figures as they are read: loading first, memory last, short prompts before long ones."""
    place = list(LABELS).index
    return sorted(rows(results), key=lambda figure: (place(figure.name), figure.length))


def winner(figure: Figure, results: Sequence[Result]) -> Result | None:
    """Which of several results is the best in a figure; None where it is the only one."""
    having = [result for result in results if figure in result.spreads]
    if len(having) < 2:
        return None
    choose = max if figure.name in MORE_IS_BETTER else min
    return choose(having, key=lambda result: result.spreads[figure].median)


def value(figure: Figure, spread: Spread | None) -> str:
    """The median of a figure, as people read it."""
    return quantity(figure, spread.median) if spread else "-"


def extent(figure: Figure, spread: Spread | None) -> str:
    """From where to where a figure went over several runs, where that can be seen."""
    if spread is None:
        return ""
    low, high = quantity(figure, spread.low), quantity(figure, spread.high)
    return f" ({low}-{high})" if low != high else ""


def quantity(figure: Figure, number: float) -> str:
    """A number with about three digits, bytes in words."""
    if figure.name in ("memory", "gpu_memory"):
        return size_text(round(number))
    digits = sum(number < limit for limit in (100, 10, 0.1))
    return f"{number:,.{digits}f}"


def charted(results: Sequence[Result]) -> list[Figure]:
    """What is drawn as bars: of several results what differs most, of a single one its prompts."""
    found = ordered(results)
    first = [figure for figure in found if figure.name == "first_token"]
    if len(results) == 1:
        return []
    return [*first[-1:], *(figure for figure in found if figure.name in ("write", "memory"))]


def bars(figure: Figure, results: Sequence[Result], width: int) -> "Table":
    """A bar for each result that has a figure, as long as there is room for it."""
    from rich.bar import Bar
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    medians = {
        f"{result.name}, {result.runner}": result.spreads[figure].median
        for result in results
        if figure in result.spreads
    }
    beside = max(map(cell_len, [label(figure), *medians])) + 2 * GAP + NUMBER
    made = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    made.add_column(Text(label(figure)), no_wrap=True)
    made.add_column(width=max(min(BAR, width - beside), 4))
    made.add_column(justify="right", no_wrap=True)
    most = max(medians.values())
    for name, median in medians.items():
        bar = Bar(most or 1, 0, median, color="cyan")
        made.add_row(Text(name), bar, Text(quantity(figure, median)))
    return made
