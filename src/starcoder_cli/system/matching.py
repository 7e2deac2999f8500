"""Which items two sequences have in common, in time that their repetitions cannot blow up."""

from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher

MAX_EQUAL_PAIRS = 500_000
"""With more of them, items that are all over the second sequence are not compared one by one."""


def match_sequences(first: Sequence[str], second: Sequence[str]) -> "SequenceMatcher[str]":
    """difflib's matcher of two sequences; it takes the cube of the length for a repeated item."""
    counts = Counter(second)
    pairs = sum(count * counts[item] for item, count in Counter(first).items())
    return SequenceMatcher(None, first, second, autojunk=pairs > MAX_EQUAL_PAIRS)
