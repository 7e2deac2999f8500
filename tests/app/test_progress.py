"""Bars: what they say about the rate."""

import pytest

from starcoder_cli.app.progress import format_rate, make_bar, report_to


@pytest.mark.parametrize(
    ("per_second", "text"),
    [(0.05, "3.0/min"), (1.5, "90.0/min"), (20.5, "1,230/min"), (8978.6, "8,979/s")],
)
def test_a_rate_is_of_minutes_until_there_are_many(per_second: float, text: str) -> None:
    assert format_rate(per_second) == text


def test_what_was_checked_and_has_to_be_fetched_counts_for_no_speed() -> None:
    now = [0.0]
    bar = make_bar(clock=lambda: now[0])
    report = report_to(bar, "tiny")
    for seconds, done in enumerate([0, 1000, 2000, 100, 200, 300]):
        now[0] = float(seconds)
        report(done, 3000)
    [task] = bar.tasks
    assert (task.completed, task.speed) == (300, 100)
