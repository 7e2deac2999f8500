"""What an index keeps of a file beside its fingerprints: 16 bits of each token, and the lines.

By the tokens a match is checked, and known to its ends; both together take a tenth of the code.
"""

import sys
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

MARK_BYTES = 2
MOST_BYTES = 16 << 20
_FULL = 255


def marks(hashes: Sequence[int]) -> bytes:
    """The lower 16 bits of each token's hash, little-endian."""
    lower = array("H", [hash_ & 0xFFFF for hash_ in hashes])
    if sys.byteorder == "big":
        lower.byteswap()
    return lower.tobytes()


def counts(data: bytes, places: Sequence[tuple[int, int]]) -> bytes:
    """How many tokens begin on each line: a byte a line, and one more for each 255 tokens."""
    starts = [start for start, _ in places]
    found, at, before = bytearray(), 0, 0
    while at >= 0:
        at = data.find(b"\n", at) + 1 or -1
        upto = bisect_left(starts, at) if at > 0 else len(starts)
        full, rest = divmod(upto - before, _FULL)
        found += bytes([_FULL] * full + [rest])
        before = upto
    return bytes(found)


def line_ends(counted: bytes) -> list[int]:
    """How many tokens there are up to the end of each line."""
    sums = accumulate(counted)
    return [total for total, count in zip(sums, counted, strict=True) if count < _FULL]


def line(ends: Sequence[int], token: int) -> int:
    """The line, from 1, on which a token begins."""
    return bisect_left(ends, token + 1) + 1


def packed(data: bytes) -> bytes:
    """The bytes, compressed."""
    return zlib.compress(data)


def unpacked(blob: object) -> bytes:
    """What was packed; ValueError where it is not sound, or larger than it may be."""
    if not isinstance(blob, bytes):
        raise ValueError("no bytes")
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(blob, MOST_BYTES)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if not unpacker.eof:
        raise ValueError("incomplete, or too large")
    return data
