"""Bars: what they say about the rate."""

import pytest

from starcoder_cli.app.progress import format_rate, make_bar, report_to, training_progress


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


def test_a_training_has_no_bar_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    with training_progress("tuning mine") as report:
        report(1, 10, 2.5)
    assert capsys.readouterr() == ("", "")


def test_a_training_shows_steps_and_loss_at_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("starcoder_cli.app.progress.is_terminal", lambda stream: True)
    with training_progress("tuning mine") as report:
        report(3, 10, 2.5)
        report(4, 10, 1.25)
    out, err = capsys.readouterr()
    assert out == "" and "tuning mine" in err and "4/10" in err and "loss 1.250" in err
