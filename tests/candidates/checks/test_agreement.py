"""What most answers agree on, and what is better."""

import pytest

from starcoder_cli.candidates.checks.agreement import NOT_RUN, Check, compute_agreement


def test_what_was_drawn_often_counts_as_often() -> None:
    outcomes: list[dict[int, str]] = [{0: "a", 1: "b"}, {0: "a", 1: "c"}, {0: "d", 1: "c"}]
    assert compute_agreement(outcomes, [1, 1, 2]) == pytest.approx([3 / 8, 5 / 8, 5 / 8])


def test_a_call_that_most_end_with_an_exception_says_nothing() -> None:
    outcomes = [{0: "!TypeError", 1: "a"}, {0: "!TypeError", 1: "a"}, {0: "x", 1: "b"}]
    assert compute_agreement(outcomes, [1, 1, 1]) == pytest.approx([2 / 3, 2 / 3, 1 / 3])


def test_an_exception_agrees_with_nothing() -> None:
    outcomes = [{0: "a"}, {0: "a"}, {0: "!KeyError"}, {}]
    assert compute_agreement(outcomes, [1, 1, 1, 1]) == pytest.approx([0.5, 0.5, 0, 0])


def test_nothing_was_called() -> None:
    assert compute_agreement([{}, {}], [1, 1]) == [0, 0]


def test_what_is_better() -> None:
    best_first = [
        Check(True, 4, 0, 0.1),
        Check(True, 0, 0, 0.5),
        Check(True, 3, 1, 1.0),
        Check(False, 0, 0, 1.0),
    ]
    shuffled = [best_first[at] for at in (2, 0, 3, 1)]
    assert sorted(shuffled, key=lambda check: check.faults) == best_first
    assert Check(True, 0, 0, 0.9).faults == NOT_RUN.faults
