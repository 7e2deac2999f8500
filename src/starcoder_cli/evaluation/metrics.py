"""Metrics of answers: pass@k, exact match, edit similarity, and confidence intervals."""

import random
from collections.abc import Sequence
from math import comb

from starcoder_cli.system.subsequence import lcs_length

BOOTSTRAP_RESAMPLES = 2000
CONFIDENCE_LEVEL = 0.95


def pass_at_k(samples: int, passed: int, k: int) -> float:
    """The chance that one of `k` answers passes, given that `passed` of `samples` did.

    The unbiased estimator of Chen et al. 2021 (arXiv:2107.03374), equation 1: one minus the chance
    of drawing only failures.
    """
    return 1.0 - comb(samples - passed, k) / comb(samples, k)


def is_exact_match(answer: str, reference: str) -> bool:
    """Whether two texts are equal except for white space around them and at line ends."""
    return normalize_whitespace(answer) == normalize_whitespace(reference)


def normalize_whitespace(text: str) -> str:
    """Remove white space around a text and at the ends of its lines."""
    return "\n".join(line.rstrip() for line in text.strip().split("\n"))


def edit_similarity(answer: str, reference: str) -> float:
    """The similarity of two texts from 0 to 1: twice their common subsequence over their lengths.

    This is one minus the normalised insertion and deletion distance, which RepoBench and
    CrossCodeEval call edit similarity.
    """
    first, second = normalize_whitespace(answer), normalize_whitespace(reference)
    total = len(first) + len(second)
    return 2 * lcs_length(first, second) / total if total else 1.0


def mean(values: Sequence[float]) -> float:
    """The mean, or 0 if there are no values."""
    return sum(values) / len(values) if values else 0.0


def confidence_interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % confidence interval of the mean over problems, from 2,000 resamples.

    The percentile bootstrap (Efron 1979) over problems, with a fixed seed.
    """
    if not values:
        return 0.0, 0.0
    rng = random.Random(0)
    means = sorted(mean(rng.choices(values, k=len(values))) for _ in range(BOOTSTRAP_RESAMPLES))
    tail = round(BOOTSTRAP_RESAMPLES * (1 - CONFIDENCE_LEVEL) / 2)
    return means[tail], means[-tail - 1]
