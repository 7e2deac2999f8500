"""Bars: what they say about the rate."""

import pytest

from starcoder_cli.app.progress import progress_bar


def test_what_was_checked_and_has_to_be_fetched_counts_for_no_speed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from rich import progress
    from rich.console import Console

    now, bars = [0.0], []

    class Watched(progress.Progress):
        """A bar on a clock of its own."""

        def __init__(
            self, *columns: progress.ProgressColumn, console: Console, speed_estimate_period: float
        ) -> None:
            super().__init__(*columns, console=console, get_time=lambda: now[0])
            bars.append(self)

    monkeypatch.setattr(progress, "Progress", Watched)
    with progress_bar("tiny") as report:
        for seconds, done in enumerate([0, 1000, 2000, 100, 200, 300]):
            now[0] = float(seconds)
            report(done, 3000)
    [task] = bars[0].tasks
    assert (task.completed, task.speed) == (300, 100)
