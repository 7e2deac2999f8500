"""Results side by side, as a table, and at a terminal as bars too."""

import shutil
import sys
from collections.abc import Iterator, Sequence
from io import StringIO
from typing import TYPE_CHECKING

from starcoder_cli.benchmark.measure import BenchmarkMetric
from starcoder_cli.benchmark.results import BenchmarkResult, Spread, list_metrics
from starcoder_cli.catalog import format_size
from starcoder_cli.terminal.output import wants_color

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

METRIC_LABELS = {
    "load": "load, s",
    "warm_up": "first prompt, s more",
    "first_token": "first token, {:,} tokens, s",
    "edited": "the same after an edit, s",
    "read": "reads, tokens/s",
    "write": "writes, tokens/s",
    "memory": "memory",
    "gpu_memory": "memory of GPUs",
}
HIGHER_IS_BETTER = {"read", "write"}
MAX_BAR_WIDTH = 30
NUMBER_WIDTH = 8
"""Characters of the number beside a bar."""

COLUMN_GAP = 2


def format_table(results: Sequence[BenchmarkResult]) -> str:
    """The results as plain text, a column each."""
    return render_text(build_table(results), 10_000, color=False)


def print_results(results: Sequence[BenchmarkResult]) -> None:
    """Show the results at a terminal: tables of as many columns as fit, then bars."""
    from starcoder_cli.terminal.code import write_to_terminal

    width, color = shutil.get_terminal_size().columns, wants_color("auto")
    parts = [
        render_text(build_table(page), width, color) for page in split_into_pages(results, width)
    ]
    if "utf" in (sys.stdout.encoding or "").lower():
        parts += [
            render_text(build_bar_table(metric, results, width), width, color)
            for metric in bar_metrics(results)
        ]
    write_to_terminal("\n".join(parts))


def render_text(renderable: "RenderableType", width: int, color: bool) -> str:
    """Render as text, with no line padded."""
    from rich.console import Console

    buffer = StringIO()
    console = Console(
        file=buffer, width=width, color_system="standard" if color else None, force_terminal=color
    )
    console.print(renderable)
    return "".join(f"{line.rstrip()}\n" for line in buffer.getvalue().splitlines())


def build_table(results: Sequence[BenchmarkResult]) -> "Table":
    """A table with a column per result and a row per metric, with the best in bold."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, COLUMN_GAP, 0, 0), header_style="bold")
    table.add_column(Text(corner_label(results), "dim"))
    for result in results:
        table.add_column(Text(column_heading(result)), no_wrap=True)
    for metric in sorted_metrics(results):
        best_of_row, cells = best_result(metric, results), []
        for result in results:
            spread = result.spreads.get(metric)
            cell = Text(
                format_median(metric, spread), "bold green" if result is best_of_row else ""
            )
            cells.append(cell.append(format_range(metric, spread), "not bold dim default"))
        table.add_row(Text(metric_label(metric)), *cells)
    return table


def split_into_pages(
    results: Sequence[BenchmarkResult], width: int
) -> Iterator[Sequence[BenchmarkResult]]:
    """Yield the results, as many at a time as fit into the width, but at least one."""
    from rich.cells import cell_len

    page: list[BenchmarkResult] = []
    available = width - max(
        map(len, [corner_label(results), *map(metric_label, sorted_metrics(results))])
    )
    remaining = available
    for result in results:
        texts = [
            format_median(metric, spread) + format_range(metric, spread)
            for metric, spread in result.spreads.items()
        ]
        column_width = COLUMN_GAP + max(
            map(cell_len, [*column_heading(result).splitlines(), *texts])
        )
        if page and column_width > remaining:
            yield page
            page, remaining = [], available
        page.append(result)
        remaining -= column_width
    yield page


def corner_label(results: Sequence[BenchmarkResult]) -> str:
    """What the numbers are, for the table's corner."""
    runs = results[0].runs
    return "" if runs == 1 else f"median of {runs} (least-most)"


def metric_label(metric: BenchmarkMetric) -> str:
    """The label of a metric."""
    return METRIC_LABELS[metric.name].format(metric.length)


def column_heading(result: BenchmarkResult) -> str:
    """The heading of a column."""
    return f"{result.short_name}\n{result.engine_title}"


def sorted_metrics(results: Sequence[BenchmarkResult]) -> list[BenchmarkMetric]:
    """The metrics in reading order: loading first, memory last, short prompts before long ones."""
    position = list(METRIC_LABELS).index
    return sorted(list_metrics(results), key=lambda metric: (position(metric.name), metric.length))


def best_result(
    metric: BenchmarkMetric, results: Sequence[BenchmarkResult]
) -> BenchmarkResult | None:
    """The best of several results in a metric, or None if only one has it."""
    measured = [result for result in results if metric in result.spreads]
    if len(measured) < 2:
        return None
    choose = max if metric.name in HIGHER_IS_BETTER else min
    return choose(measured, key=lambda result: result.spreads[metric].median)


def format_median(metric: BenchmarkMetric, spread: Spread | None) -> str:
    """Format the median of a metric."""
    return format_quantity(metric, spread.median) if spread else "-"


def format_range(metric: BenchmarkMetric, spread: Spread | None) -> str:
    """Format the range of a metric over several runs, if it is visible."""
    if spread is None:
        return ""
    low, high = format_quantity(metric, spread.low), format_quantity(metric, spread.high)
    return f" ({low}-{high})" if low != high else ""


def format_quantity(metric: BenchmarkMetric, number: float) -> str:
    """Format a number with about three digits, bytes with units."""
    if metric.name in ("memory", "gpu_memory"):
        return format_size(round(number))
    digits = sum(number < limit for limit in (100, 10, 0.1))
    return f"{number:,.{digits}f}"


def bar_metrics(results: Sequence[BenchmarkResult]) -> list[BenchmarkMetric]:
    """The metrics drawn as bars: of several results those that differ most, of one none."""
    metrics = sorted_metrics(results)
    first_token_metrics = [metric for metric in metrics if metric.name == "first_token"]
    if len(results) == 1:
        return []
    return [
        *first_token_metrics[-1:],
        *(metric for metric in metrics if metric.name in ("write", "memory")),
    ]


def build_bar_table(
    metric: BenchmarkMetric, results: Sequence[BenchmarkResult], width: int
) -> "Table":
    """A bar for each result that has a metric, as long as there is room for."""
    from rich.bar import Bar
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    medians = {
        f"{result.short_name}, {result.engine_title}": result.spreads[metric].median
        for result in results
        if metric in result.spreads
    }
    fixed_width = (
        max(map(cell_len, [metric_label(metric), *medians])) + 2 * COLUMN_GAP + NUMBER_WIDTH
    )
    table = Table(box=None, pad_edge=False, padding=(0, COLUMN_GAP, 0, 0), header_style="bold")
    table.add_column(Text(metric_label(metric)), no_wrap=True)
    table.add_column(width=max(min(MAX_BAR_WIDTH, width - fixed_width), 4))
    table.add_column(justify="right", no_wrap=True)
    max_median = max(medians.values())
    for name, median in medians.items():
        bar = Bar(max_median or 1, 0, median, color="cyan")
        table.add_row(Text(name), bar, Text(format_quantity(metric, median)))
    return table
