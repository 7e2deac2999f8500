"""How good answers are: pass@k, exact match, edit similarity, and how sure these numbers are."""

import random
from collections.abc import Sequence
from math import comb

from starcoder_cli.system.subsequence import lcs_length

BOOTSTRAP_RESAMPLES = 2000
CONFIDENCE_LEVEL = 0.95


def pass_at_k(samples: int, passed: int, k: int) -> float:
    """The chance that one of `k` answers passes, from some of which so many did.

    The unbiased estimator of Chen et al. 2021 (arXiv:2107.03374), equation 1: one less the chance
    to draw only failures.
    """
    return 1.0 - comb(samples - passed, k) / comb(samples, k)


def is_exact_match(answer: str, reference: str) -> bool:
    """Whether two texts are equal but for white space around them and at the ends of lines."""
    return normalize_whitespace(answer) == normalize_whitespace(reference)


def normalize_whitespace(text: str) -> str:
    """A text without white space around it and at the ends of its lines."""
    return "\n".join(line.rstrip() for line in text.strip().split("\n"))


def edit_similarity(answer: str, reference: str) -> float:
    """How alike two texts are, from 0 to 1: what both have in order, twice, by their lengths.

    It is one less the normalised distance by insertions and deletions, which RepoBench and
    CrossCodeEval call edit similarity.
    """
    first, second = normalize_whitespace(answer), normalize_whitespace(reference)
    total = len(first) + len(second)
    return 2 * lcs_length(first, second) / total if total else 1.0


def mean(values: Sequence[float]) -> float:
    """The mean; 0 of nothing."""
    return sum(values) / len(values) if values else 0.0


def confidence_interval(values: Sequence[float]) -> tuple[float, float]:
    """Between which means the problems' mean lies, were they drawn again: 95 % of 2,000 times.

    The percentile bootstrap (Efron 1979) over problems; the same each time.
    """
    if not values:
        return 0.0, 0.0
    rng = random.Random(0)
    means = sorted(mean(rng.choices(values, k=len(values))) for _ in range(BOOTSTRAP_RESAMPLES))
    tail = round(BOOTSTRAP_RESAMPLES * (1 - CONFIDENCE_LEVEL) / 2)
    return means[tail], means[-tail - 1]
