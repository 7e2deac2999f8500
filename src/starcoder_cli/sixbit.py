"""Blocks of six-bit numbers in eight bits.

A block of Q6_K is the lower four bits of 256 numbers, their upper two bits, 16 scales of eight bits
and a 16-bit scale of these; one of Q8_0 is a 16-bit scale and 32 numbers of eight bits (ggml's
`ggml-common.h`). A processor that multiplies bytes wants one scale for 32 of them.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

BLOCK = 210


def eightbit(blocks: bytes) -> bytes:
    """Blocks of Q6_K as blocks of Q8_0: off by at most half of a 127th of a block's largest."""
    import numpy

    numbers = unpacked(blocks).reshape(-1, 32)
    largest = numpy.abs(numbers).max(axis=1, keepdims=True)
    scales = (largest / 127).astype(numpy.float16)
    wide = numpy.where(scales == 0, numpy.float16(1), scales).astype(numpy.float32)
    codes = numpy.clip(numpy.rint(numbers / wide), -127, 127).astype(numpy.int8)
    return numpy.hstack((scales.view(numpy.uint8), codes.view(numpy.uint8))).tobytes()


def unpacked(blocks: bytes) -> "NDArray[float32]":
    """The numbers of blocks of Q6_K, of shape [blocks, 256]."""
    import numpy

    rows = numpy.frombuffer(blocks, numpy.uint8).reshape(-1, BLOCK)
    # Each half of a block has 64 bytes of lower bits, for its first and its last 64 numbers, and 32
    # of upper ones, for a number in each quarter.
    lower = rows[:, :128].reshape(-1, 2, 1, 64) >> numpy.array([[0], [4]], numpy.uint8) & 15
    upper = (
        rows[:, 128:192].reshape(-1, 2, 1, 32) >> numpy.array([[0], [2], [4], [6]], numpy.uint8) & 3
    )
    codes = (lower.reshape(-1, 256) | upper.reshape(-1, 256) << 4).astype(numpy.int8) - 32
    scales = rows[:, 192:208].copy().view(numpy.int8).repeat(16, axis=1).astype(numpy.float32)
    whole = rows[:, 208:].copy().view(numpy.float16).astype(numpy.float32)
    numbers: NDArray[float32] = whole * scales * codes
    return numbers
