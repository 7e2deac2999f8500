"""On which line of a file each of its tokens begins, in about half a byte a line."""

import zlib
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

_FULL = 255
MOST_LINES = 1 << 22


def packed(data: bytes, places: Sequence[tuple[int, int]]) -> bytes:
    """How many tokens begin on each line: a byte a line, and one more for each 255 tokens."""
    starts = [start for start, _ in places]
    counts, at, before = bytearray(), 0, 0
    while at >= 0:
        at = data.find(b"\n", at) + 1 or -1
        upto = bisect_left(starts, at) if at > 0 else len(starts)
        full, rest = divmod(upto - before, _FULL)
        counts += bytes([_FULL] * full + [rest])
        before = upto
    return zlib.compress(bytes(counts))


def unpacked(blob: bytes) -> list[int]:
    """How many tokens begin up to the end of each line; ValueError where that is not sound."""
    unpacker = zlib.decompressobj()
    try:
        counts = unpacker.decompress(blob, MOST_LINES)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if not unpacker.eof:
        raise ValueError("too many lines")
    sums = list(accumulate(counts))
    return [total for total, count in zip(sums, counts, strict=True) if count < _FULL]


def line(ends: Sequence[int], token: int) -> int:
    """The line, from 1, on which a token begins."""
    return bisect_left(ends, token + 1) + 1
