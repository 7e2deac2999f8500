"""Eight-bit numbers in four bits: a small error, and none where sixteen numbers are enough."""

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starcoder_cli.engines.openvino.requantize import RANGE_FRACTIONS, q8_0_to_q4_1


def eight(scale: float, numbers: list[int]) -> bytes:
    """A block of Q8_0."""
    return numpy.float16(scale).tobytes() + numpy.array(numbers, numpy.int8).tobytes()


def read(block: bytes) -> list[float]:
    """The numbers of a block of Q4_1, one by one (ggml's `dequantize_row_q4_1`)."""
    step, zero = numpy.frombuffer(block[:4], numpy.float16).astype(float)
    codes = [block[4 + at % 16] >> (4 if at >= 16 else 0) & 15 for at in range(32)]
    return [code * step + zero for code in codes]


def test_sixteen_numbers_are_kept() -> None:
    numbers = [*range(-8, 8), *range(7, -9, -1)]
    block, lost = q8_0_to_q4_1(eight(0.5, numbers))
    assert read(block) == [number / 2 for number in numbers]
    assert lost == 0


@given(st.lists(st.integers(-16, 15), min_size=32, max_size=32))
@settings(max_examples=200, deadline=None)
def test_none_is_further_off_than_its_share_of_the_range(numbers: list[int]) -> None:
    block, _ = q8_0_to_q4_1(eight(1, numbers))
    span = max(numbers) - min(numbers)
    most = span * (1 - RANGE_FRACTIONS[-1]) / 2 + span / 30 + 0.02
    off = [abs(new - old) for new, old in zip(read(block), numbers, strict=True)]
    assert max(off) <= most


def test_blocks_are_taken_one_by_one_and_the_error_is_that_of_all() -> None:
    first, second = eight(1, [*range(-16, 16)]), eight(0, [0] * 32)
    both, lost = q8_0_to_q4_1(first + second)
    assert both == q8_0_to_q4_1(first)[0] + q8_0_to_q4_1(second)[0]
    off = sum((a - b) ** 2 for a, b in zip(read(both[:20]), range(-16, 16), strict=True))
    assert lost == pytest.approx(off / sum(number**2 for number in range(-16, 16)), rel=1e-3)
    assert read(both[20:]) == [0] * 32
