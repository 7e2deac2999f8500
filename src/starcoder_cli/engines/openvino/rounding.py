"""Groups of numbers in eight or four bits, each group with a scale of its own.

Kernels are fast if the zero of a group is one of its sixteen numbers. A zero between two of them
becomes a whole one and an offset, which is multiplied by the sum of the group's inputs.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy import float16, float32, int8, uint8
    from numpy.typing import NDArray

RANGE_FRACTIONS = (1.0, 0.95, 0.9, 0.85, 0.8)
"""How much of a group's range the sixteen numbers may span: cutting off its ends can pay."""

REFINEMENTS = 3
"""How many times the sixteen numbers of a group are moved to where they fit it better."""


@dataclass(frozen=True)
class QuantizedMatrix:
    """Numbers of shape [rows, groups, group size], and what they stand for in each group.

    Eight-bit numbers are signed and have no zeros. Four-bit numbers share a byte in pairs, the
    first in its lower half. A number stands for (number - zero) * scale + offset. Offsets are of
    shape [rows, groups].
    """

    numbers: "NDArray[int8] | NDArray[uint8]"
    scales: "NDArray[float16]"
    zeros: "NDArray[uint8] | None" = None
    offsets: "NDArray[float16] | None" = None


def to_eight_bits(numbers: "NDArray[float32]") -> QuantizedMatrix:
    """Quantize groups of numbers to eight bits."""
    import numpy

    scales = (numpy.abs(numbers).max(2, keepdims=True) / 127).astype(numpy.float16)
    scales[scales == 0] = 1
    codes = numpy.rint(numbers / scales.astype(numpy.float32)).clip(-127, 127)
    return QuantizedMatrix(codes.astype(numpy.int8), scales)


def to_four_bits(numbers: "NDArray[float32]") -> tuple[QuantizedMatrix, float]:
    """Quantize groups of numbers to four bits without offsets; return them and their loss.

    The loss is the sum of squared errors over the sum of the squared numbers.
    """
    import numpy

    low = numpy.minimum(numbers.min(2, keepdims=True), 0)
    high = numpy.maximum(numbers.max(2, keepdims=True), 0)
    best = least = None
    for fraction in RANGE_FRACTIONS:
        margin = (high - low) * numpy.float32((1 - fraction) / 2)
        candidate = four_bit_codes(numbers, low + margin, high - margin)
        codes, scales, zeros = candidate
        error = (((codes - zeros) * scales - numbers) ** 2).sum(2, keepdims=True)
        if best is None or least is None:
            best, least = candidate, error
            continue
        is_better = error < least
        best = [numpy.where(is_better, *pair) for pair in zip(candidate, best, strict=True)]
        least = numpy.minimum(error, least)
    assert best is not None and least is not None
    codes, scales, zeros = best
    matrix = QuantizedMatrix(
        pack_pairs(codes.astype(numpy.uint8)),
        scales.astype(numpy.float16),
        zeros.astype(numpy.uint8),
    )
    return matrix, float(least.sum()) / max(float((numbers**2).sum()), 1e-30)


def four_bit_codes(
    numbers: "NDArray[float32]", low: "NDArray[float32]", high: "NDArray[float32]"
) -> "list[NDArray[float32]]":
    """Codes from 0 to 15 for groups that span from `low` to `high`, their scales and zeros."""
    import numpy

    scales = ((high - low) / 15).astype(numpy.float16).astype(numpy.float32)
    scales[scales == 0] = 1
    zeros = numpy.rint(-low / scales).clip(0, 15)
    return [(numpy.rint(numbers / scales) + zeros).clip(0, 15), scales, zeros]


def to_four_bits_and_offset(numbers: "NDArray[float32]") -> QuantizedMatrix:
    """Quantize groups of numbers to four bits, with offsets."""
    import numpy

    codes, scales, least = fit_sixteen(numbers)
    return above_least(codes.astype(numpy.uint8), scales, least)


def fit_sixteen(
    numbers: "NDArray[float32]",
) -> "tuple[NDArray[float32], NDArray[float32], NDArray[float32]]":
    """Fit sixteen evenly spaced values to each group; return codes, spacings and least values.

    In turns, numbers are assigned to the nearest value, and the values are fitted to their
    numbers by least squares (Lloyd 1982).
    """
    import numpy

    least = numbers.min(2, keepdims=True)
    scales = (numbers.max(2, keepdims=True) - least) / 15
    center = numbers.mean(2, keepdims=True)
    scales[scales == 0] = 1
    for _ in range(REFINEMENTS):
        codes = numpy.rint((numbers - least) / scales).clip(0, 15)
        middle = codes.mean(2, keepdims=True)
        spread = ((codes - middle) ** 2).sum(2, keepdims=True)
        slope = ((codes - middle) * (numbers - center)).sum(2, keepdims=True)
        scales = numpy.where(slope > 0, slope / numpy.where(spread > 0, spread, 1), scales)
        least = center - scales * middle
    return numpy.rint((numbers - least) / scales).clip(0, 15), scales, least


def above_least(
    codes: "NDArray[uint8]", scales: "NDArray[float32]", least: "NDArray[float32]"
) -> QuantizedMatrix:
    """A matrix of numbers that are `least` plus code times scale: a whole zero, and an offset."""
    import numpy

    rounded = scales.astype(numpy.float16).astype(numpy.float32)
    steps = numpy.where(rounded == 0, 1, rounded)
    zeros = numpy.rint(-least / steps).clip(0, 15)
    offsets = (least + zeros * rounded)[..., 0]
    return QuantizedMatrix(
        pack_pairs(codes),
        rounded.astype(numpy.float16),
        zeros.astype(numpy.uint8),
        offsets.astype(numpy.float16),
    )


def pack_pairs(codes: "NDArray[uint8]") -> "NDArray[uint8]":
    """Pack pairs of four-bit numbers into bytes, the first one in the lower half."""
    import numpy

    return numpy.bitwise_or(
        codes[..., 0::2], numpy.left_shift(codes[..., 1::2], 4), dtype=numpy.uint8
    )
