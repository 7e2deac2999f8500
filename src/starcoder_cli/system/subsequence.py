"""How much two sequences have in common, in order."""

from collections.abc import Hashable, Sequence


def lcs_length(first: Sequence[Hashable], second: Sequence[Hashable]) -> int:
    """The length of the longest common subsequence, with a bit for each item of the first.

    Hyyrö 2004, "Bit-parallel LCS-length computation revisited".
    """
    positions: dict[Hashable, int] = {}
    for index, item in enumerate(first):
        positions[item] = positions.get(item, 0) | 1 << index
    full_mask = (1 << len(first)) - 1
    row = full_mask
    for item in second:
        matched = row & positions.get(item, 0)
        row = ((row + matched) | (row - matched)) & full_mask
    return len(first) - row.bit_count()
