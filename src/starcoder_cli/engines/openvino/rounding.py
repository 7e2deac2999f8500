"""Groups of numbers in eight bits or in four, each group with a scale of its own.

Kernels are quick where the zero of a group is one of its sixteen numbers. One between two of them
is a whole one and an offset, which is multiplied with the sum of what the group is multiplied with.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy import float16, float32, int8, uint8
    from numpy.typing import NDArray

RANGE_FRACTIONS = (1.0, 0.95, 0.9, 0.85, 0.8)
"""Of a group's range, how much the sixteen numbers may span: cutting off its ends can pay."""

REFINEMENTS = 3
"""So often the sixteen numbers of a group are moved to where they fit it better."""


@dataclass(frozen=True)
class QuantizedMatrix:
    """Numbers of shape [rows, groups, size of a group], and of each group what they stand for.

    Eight bits are signed and have no zeros. Of four bits two numbers share a byte, the first one in
    its lower half. A number stands for (number - zero) * scale + offset. Offsets are of shape
    [rows, groups].
    """

    numbers: "NDArray[int8] | NDArray[uint8]"
    scales: "NDArray[float16]"
    zeros: "NDArray[uint8] | None" = None
    offsets: "NDArray[float16] | None" = None


def to_eight_bits(numbers: "NDArray[float32]") -> QuantizedMatrix:
    """Groups of numbers in eight bits."""
    import numpy

    scales = (numpy.abs(numbers).max(2, keepdims=True) / 127).astype(numpy.float16)
    scales[scales == 0] = 1
    codes = numpy.rint(numbers / scales.astype(numpy.float32)).clip(-127, 127)
    return QuantizedMatrix(codes.astype(numpy.int8), scales)


def to_four_bits(numbers: "NDArray[float32]") -> tuple[QuantizedMatrix, float]:
    """Groups of numbers in four bits without offsets, and their loss.

    That is the square of the error over that of the numbers.
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
    """Numbers from 0 to 15 for groups that span from `low` to `high`, their scales and zeros."""
    import numpy

    scales = ((high - low) / 15).astype(numpy.float16).astype(numpy.float32)
    scales[scales == 0] = 1
    zeros = numpy.rint(-low / scales).clip(0, 15)
    return [(numpy.rint(numbers / scales) + zeros).clip(0, 15), scales, zeros]


def to_four_bits_and_offset(numbers: "NDArray[float32]") -> QuantizedMatrix:
    """Groups of numbers in four bits, with offsets."""
    import numpy

    codes, scales, least = fit_sixteen(numbers)
    return above_least(codes.astype(numpy.uint8), scales, least)


def fit_sixteen(
    numbers: "NDArray[float32]",
) -> "tuple[NDArray[float32], NDArray[float32], NDArray[float32]]":
    """Each number as one of sixteen in a row; how far these are apart, and the least of them.

    By turns numbers are brought to the nearest of the row, and the row to its numbers, by least
    squares (Lloyd 1982).
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
    """Numbers that stand for `least` and so many scales more: a whole zero, and an offset."""
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
    """Each two numbers of four bits in a byte, the first one in its lower half."""
    import numpy

    return numpy.bitwise_or(
        codes[..., 0::2], numpy.left_shift(codes[..., 1::2], 4), dtype=numpy.uint8
    )
