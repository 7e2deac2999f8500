"""How far a command is, on standard error, for people."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from starcoder_cli.terminal.output import is_terminal

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import ProgressColumn, Task

    from starcoder_cli.models.transfer import Progress

ESTIMATE_SECONDS = 120


@contextmanager
def transfer_progress(name: str) -> "Iterator[Progress]":
    """A bar for bytes: how many, how fast, how much time is left."""
    if not is_terminal(sys.stderr):
        yield no_progress
        return
    from rich import progress as bars

    with progress_bar(name, bars.DownloadColumn(), bars.TransferSpeedColumn()) as report:
        yield report


@contextmanager
def count_progress(name: str) -> "Iterator[Progress]":
    """A bar for things that take a while each: how many, how many a minute, time left."""
    if not is_terminal(sys.stderr):
        yield no_progress
        return
    from rich import progress as bars
    from rich.text import Text

    class Rate(bars.ProgressColumn):
        """Things per minute."""

        def render(self, task: "Task") -> Text:
            """The rate, once it is known."""
            return Text(format_rate(task.speed) if task.speed else "", "progress.data.speed")

    with progress_bar(name, bars.MofNCompleteColumn(), Rate()) as report:
        yield report


@contextmanager
def training_progress(name: str) -> Iterator[Callable[[int, int, float], None]]:
    """A bar for the steps of a training: how many, the loss, time left."""
    if not is_terminal(sys.stderr):
        yield lambda done, total, loss: None
        return
    from rich import progress as bars

    bar = make_bar(bars.MofNCompleteColumn(), bars.TextColumn("loss {task.fields[loss]:.3f}"))

    def report(done: int, total: int, loss: float) -> None:
        if not bar.tasks:
            bar.add_task(name, completed=done - 1, total=total, loss=loss)
        bar.update(bar.tasks[0].id, completed=done, loss=loss)

    with bar:
        yield report


def format_rate(per_second: float) -> str:
    """Format a rate per minute, or per second if it is high."""
    per_minute = 60 * per_second
    if per_minute < 10_000:
        return f"{per_minute:.1f}/min" if per_minute < 100 else f"{per_minute:,.0f}/min"
    return f"{per_second:,.0f}/s"


def no_progress(done: int, total: int) -> None:
    """Show no bar."""


@contextmanager
def progress_bar(name: str, *columns: "ProgressColumn") -> "Iterator[Progress]":
    """A bar with these columns and the time left."""
    bar = make_bar(*columns)
    with bar:
        yield report_to(bar, name)


def make_bar(*columns: "ProgressColumn", clock: Callable[[], float] = time.monotonic) -> "Bar":
    """A bar with these columns and the time left, on standard error."""
    from rich import progress as bars
    from rich.console import Console

    return bars.Progress(
        bars.TextColumn("{task.description}", markup=False),
        bars.BarColumn(),
        *columns,
        bars.TimeRemainingColumn(),
        console=Console(stderr=True),
        speed_estimate_period=ESTIMATE_SECONDS,
        get_time=clock,
    )


def report_to(bar: "Bar", name: str) -> "Progress":
    """A function that moves a bar with this name."""

    def report(done: int, total: int) -> None:
        # The task begins with the first report, so that bytes already here do not count as speed.
        if not bar.tasks:
            bar.add_task(name, completed=done, total=total or None)
        # Files that were checked and must be fetched again do not count as speed either.
        if done < bar.tasks[0].completed:
            bar.reset(bar.tasks[0].id)
        bar.update(bar.tasks[0].id, completed=done, total=total or None)

    return report
