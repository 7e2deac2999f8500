"""Bars: what they say about the rate."""

from starcoder_cli.app.progress import make_bar, report_to


def test_what_was_checked_and_has_to_be_fetched_counts_for_no_speed() -> None:
    now = [0.0]
    bar = make_bar(clock=lambda: now[0])
    report = report_to(bar, "tiny")
    for seconds, done in enumerate([0, 1000, 2000, 100, 200, 300]):
        now[0] = float(seconds)
        report(done, 3000)
    [task] = bar.tasks
    assert (task.completed, task.speed) == (300, 100)
