"""Scores against their definitions."""

import random
from itertools import combinations
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from starcoder_cli.evaluation.metrics import (
    confidence_interval,
    edit_similarity,
    is_exact_match,
    mean,
    pass_at_k,
)

TEXTS = st.text("ab\n ", max_size=12)


@pytest.mark.parametrize("samples", range(1, 7))
def test_pass_at_k_is_the_share_of_draws_with_an_answer_that_passes(samples: int) -> None:
    for passed in range(samples + 1):
        for k in range(1, samples + 1):
            draws = list(combinations(range(samples), k))
            share = fmean(min(draw) < passed for draw in draws)
            assert pass_at_k(samples, passed, k) == pytest.approx(share)


@given(TEXTS, TEXTS)
def test_similarity_is_one_for_the_same_text_alone(one: str, other: str) -> None:
    alike = edit_similarity(one, other)
    assert 0 <= alike <= 1
    assert (alike == 1) == is_exact_match(one, other)
    assert alike == edit_similarity(other, one)


@pytest.mark.parametrize(
    ("answer", "reference", "equal", "alike"),
    [
        ("x = 1", "x = 1", True, 1.0),
        ("  x = 1 \n", "x = 1", True, 1.0),
        ("x = 1\ny", "x = 1  \ny", True, 1.0),
        ("x = 2", "x = 1", False, 0.8),
        ("x\n y", "x\ny", False, 6 / 7),
        ("", "x", False, 0.0),
        ("", "", True, 1.0),
    ],
)
def test_an_answer_beside_its_authors(
    answer: str, reference: str, equal: bool, alike: float
) -> None:
    assert (is_exact_match(answer, reference), edit_similarity(answer, reference)) == (equal, alike)


def test_an_interval_holds_the_true_mean_as_often_as_it_says() -> None:
    """Of 200 sets of 60 coins, 95 % less the little that the percentile bootstrap lacks."""
    draw = random.Random(1)
    held = 0
    for _ in range(200):
        low, high = confidence_interval([float(draw.random() < 0.4) for _ in range(60)])
        held += low <= 0.4 <= high
    assert 180 <= held <= 198


def test_an_interval_is_the_same_each_time() -> None:
    values = [0.0, 1.0, 1.0, 0.5]
    assert confidence_interval(values) == confidence_interval(values)
    assert confidence_interval([1.0] * 5) == (1.0, 1.0)


def test_nothing_has_no_score() -> None:
    assert (mean([]), confidence_interval([])) == (0.0, (0.0, 0.0))
