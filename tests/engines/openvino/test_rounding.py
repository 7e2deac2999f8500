"""Groups of numbers are rounded, each with a scale of its own."""

from collections.abc import Callable
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantized import read_back
from starcoder_cli.engines.openvino.rounding import (
    RANGE_FRACTIONS,
    above_least,
    fit_sixteen,
    to_eight_bits,
    to_four_bits,
    to_four_bits_and_offset,
)


def test_sixteen_numbers_are_kept() -> None:
    codes = numpy.array([*range(-8, 8), *range(7, -9, -1)], numpy.float32)
    numbers = codes / numpy.float32(2)
    matrix, lost = to_four_bits(numbers.reshape(1, 1, 32))
    assert lost == 0 and numpy.array_equal(read_back(matrix)[0], numbers)


@given(st.lists(st.integers(-16, 15), min_size=32, max_size=32))
@settings(max_examples=200, deadline=None)
def test_none_is_further_off_than_its_share_of_the_range(numbers: list[int]) -> None:
    wanted = numpy.array(numbers, numpy.float32)
    span = max(*numbers, 0) - min(*numbers, 0)
    off = abs(read_back(to_four_bits(wanted.reshape(1, 1, 32))[0])[0] - wanted)
    assert off.max() <= span * (1 - RANGE_FRACTIONS[-1]) / 2 + span / 15 + 0.02


def test_groups_are_taken_one_by_one_and_the_error_is_that_of_all() -> None:
    numbers = numpy.zeros((1, 2, 32), numpy.float32)
    numbers[0, 0] = range(-16, 16)
    matrix, lost = to_four_bits(numbers)
    found = read_back(matrix)[0]
    assert lost == pytest.approx(
        ((found[:32] - numbers[0, 0]) ** 2).sum() / (numbers**2).sum(), rel=1e-3
    )
    assert not found[32:].any()
    assert not read_back(to_eight_bits(numpy.zeros((1, 1, 32), numpy.float32))).any()


@given(st.lists(st.floats(-16, 15, width=16), min_size=32, max_size=32))
@settings(max_examples=200, deadline=None)
def test_with_an_offset_no_more_is_lost_than_by_the_nearest_of_an_even_row(
    numbers: list[float],
) -> None:
    wanted = numpy.array(numbers, numpy.float32).reshape(1, 1, 32)
    least, step = wanted.min(), max(wanted.max() - wanted.min(), 1e-6) / 15
    plain = numpy.rint((wanted - least) / step) * step + least
    codes, scales, lowest = fit_sixteen(wanted)
    lost = ((codes * scales + lowest - wanted) ** 2).sum()
    assert lost <= ((plain - wanted) ** 2).sum() + 1e-3
    found = read_back(to_four_bits_and_offset(wanted))[0]
    assert numpy.allclose(found, (codes * scales + lowest)[0, 0], atol=0.02)


@pytest.mark.parametrize(
    ("scale", "least", "expected"),
    [
        (0.0, 0.0, lambda codes: 0 * codes),
        (1e-9, 0.0, lambda codes: 0 * codes),
        (0.0, -3.0, lambda codes: 0 * codes - 3),
        (1e-6, 5.0, lambda codes: 0 * codes + 5),
        (0.5, -7.0, lambda codes: codes / 2 - 7),
        (-0.25, 1.0, lambda codes: codes / -4 + 1),
    ],
)
def test_groups_that_hardly_have_a_scale(
    scale: float, least: float, expected: Callable[[Any], Any]
) -> None:
    codes = numpy.arange(32, dtype=numpy.uint8).reshape(1, 1, 32) % 16
    factors = (numpy.full((1, 1, 1), value, numpy.float32) for value in (scale, least))
    found = read_back(above_least(codes, *factors))
    assert numpy.allclose(found, expected(codes.reshape(1, 32).astype(float)), atol=1e-4)
