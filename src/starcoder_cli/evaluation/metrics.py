"""How good answers are: pass@k, exact match, edit similarity, and how sure these numbers are."""

import random
from collections.abc import Sequence
from math import comb

RESAMPLES = 2000
COVERAGE = 0.95


def pass_at_k(samples: int, passed: int, k: int) -> float:
    """The chance that one of `k` answers passes, from some of which so many did.

    The unbiased estimator of Chen et al. 2021 (arXiv:2107.03374), equation 1: one less the chance
    to draw only failures.
    """
    return 1.0 - comb(samples - passed, k) / comb(samples, k)


def same(answer: str, reference: str) -> bool:
    """Whether two texts are equal but for white space around them and at the ends of lines."""
    return normal(answer) == normal(reference)


def normal(text: str) -> str:
    """A text without white space around it and at the ends of its lines."""
    return "\n".join(line.rstrip() for line in text.strip().split("\n"))


def similarity(answer: str, reference: str) -> float:
    """How alike two texts are, from 0 to 1: what both have in order, twice, by their lengths.

    It is one less the normalised distance by insertions and deletions, which RepoBench and
    CrossCodeEval call edit similarity.
    """
    one, other = normal(answer), normal(reference)
    total = len(one) + len(other)
    return 2 * common(one, other) / total if total else 1.0


def common(one: str, other: str) -> int:
    """The length of the longest common subsequence, with a bit for each character of the first.

    Hyyrö 2004, "Bit-parallel LCS-length computation revisited".
    """
    places: dict[str, int] = {}
    for at, character in enumerate(one):
        places[character] = places.get(character, 0) | 1 << at
    every = (1 << len(one)) - 1
    row = every
    for character in other:
        matched = row & places.get(character, 0)
        row = ((row + matched) | (row - matched)) & every
    return len(one) - row.bit_count()


def mean(values: Sequence[float]) -> float:
    """The mean; 0 of nothing."""
    return sum(values) / len(values) if values else 0.0


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Between which means the problems' mean lies, were they drawn again: 95 % of 2,000 times.

    The percentile bootstrap (Efron 1979) over problems; the same each time.
    """
    if not values:
        return 0.0, 0.0
    draw = random.Random(0)
    means = sorted(mean(draw.choices(values, k=len(values))) for _ in range(RESAMPLES))
    outside = round(RESAMPLES * (1 - COVERAGE) / 2)
    return means[outside], means[-outside - 1]
