"""Blocks of eight-bit numbers in four bits, with the least error that was found.

A block of Q8_0 is a 16-bit scale and 32 numbers of eight bits; one of Q4_1 is a 16-bit scale, the
16-bit number that zero stands for, and 32 numbers of four bits (ggml's `ggml-common.h`).
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy import float32, uint8
    from numpy.typing import NDArray

SHARES = (1.0, 0.95, 0.9, 0.85, 0.8)
"""Of a block's range, how much the sixteen numbers may span: cutting off its ends can pay."""


def fourbit(blocks: bytes) -> tuple[bytes, float]:
    """Blocks of Q8_0 as blocks of Q4_1, and their error: its square over that of the numbers."""
    import numpy

    old = numpy.frombuffer(blocks, numpy.uint8).reshape(-1, 34)
    scales = old[:, :2].copy().view(numpy.float16).astype(numpy.float32)
    numbers = scales * old[:, 2:].view(numpy.int8)
    low, high = (end(numbers, axis=1, keepdims=True) for end in (numpy.min, numpy.max))
    best, least = rounded(numbers, low, high)
    for share in SHARES[1:]:
        cut = (high - low) * numpy.float32((1 - share) / 2)
        tried, error = rounded(numbers, low + cut, high - cut)
        better = error < least
        best, least = numpy.where(better, tried, best), numpy.where(better, error, least)
    lost = float(least.sum() / max(float((numbers**2).sum()), 1e-30))
    return best.tobytes(), lost


def rounded(
    numbers: "NDArray[float32]", low: "NDArray[float32]", high: "NDArray[float32]"
) -> "tuple[NDArray[uint8], NDArray[float32]]":
    """Rows of numbers as blocks of Q4_1 from `low` to `high`, and the squared error of each."""
    import numpy

    step = ((high - low) / 15).astype(numpy.float16)
    zero = low.astype(numpy.float16)
    wide = numpy.where(step == 0, numpy.float16(1), step).astype(numpy.float32)
    codes = numpy.clip(numpy.rint((numbers - zero) / wide), 0, 15)
    error = ((codes * step + zero - numbers) ** 2).sum(axis=1, keepdims=True)
    four = codes.astype(numpy.uint8)
    packed = four[:, :16] | four[:, 16:] << 4
    return numpy.hstack((step.view(numpy.uint8), zero.view(numpy.uint8), packed)), error
