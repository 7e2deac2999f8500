"""Fingerprints of code by winnowing (Schleimer, Wilkerson and Aiken, SIGMOD 2003).

Of every WINDOW consecutive runs of SHORTEST tokens one is kept, that with the least hash. So of
each run of SURE tokens at least one is kept, wherever the run stands: whoever looks up every run of
another text finds each SURE tokens that the two have in common, and nothing below SHORTEST tokens.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate

SHORTEST = 16
SURE = 28
WINDOW = SURE - SHORTEST + 1

_PRIME = (1 << 61) - 1
_BASE = 0x1B873593CC9E2D51 % _PRIME
_OUT = pow(_BASE, SHORTEST, _PRIME)
_KEPT = (1 << 47) - 1  # six bytes in SQLite, none of them negative


def runs(hashes: Sequence[int]) -> list[int]:
    """A hash of 47 bits for each run of SHORTEST tokens, rolled over them as Karp and Rabin's."""
    sums = list(accumulate(hashes, lambda sum_, token: (sum_ * _BASE + token) % _PRIME, initial=0))
    pairs = zip(sums, sums[SHORTEST:], strict=False)
    return [(end - start * _OUT) % _PRIME & _KEPT for start, end in pairs]


def winnow(hashes: Sequence[int]) -> Iterator[int]:
    """The places of the hashes that are kept, in order: the least of each window.

    Where several are the least, the one that is kept already counts, else the last: the robust
    form, which keeps one of each window where all are the same.
    """
    kept = -1
    for start in range(len(hashes) - WINDOW + 1):
        if kept < start:
            window = hashes[start : start + WINDOW]
            kept = start + WINDOW - 1 - window[::-1].index(min(window))
        elif hashes[start + WINDOW - 1] < hashes[kept]:
            kept = start + WINDOW - 1
        else:
            continue
        yield kept
