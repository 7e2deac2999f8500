"""Matrices in few bits: the same numbers where these are enough, near ones where they are not."""

import struct
from collections.abc import Callable
from typing import Any

import numpy
import pytest
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize
from hypothesis import given, settings
from hypothesis import strategies as st

from quantized import read_back
from starcoder_cli.engines.openvino import quantize as quantizing
from starcoder_cli.engines.openvino.quantize import (
    EXACT_EIGHT_BITS,
    EXACT_FOUR_BITS,
    RANGE_FRACTIONS,
    above_least,
    fit_sixteen,
    form_of,
    in_groups,
    quantize,
    to_eight_bits,
    to_four_bits,
    to_four_bits_and_offset,
)
from starcoder_cli.weights.gguf_tensors import BlockTensor

EXACT = {**EXACT_EIGHT_BITS, **EXACT_FOUR_BITS}
F32, Q6_K = 0, 14


def random_tensor(kind: int, rows: int, columns: int, seed: int = 0) -> BlockTensor:
    """Blocks of any numbers, with scales that are none of the smallest or largest."""
    size, block_bytes = GGML_QUANT_SIZES[GGMLQuantizationType(kind)]
    chance = numpy.random.default_rng(seed)
    data = chance.integers(0, 256, (rows, columns // size, block_bytes), numpy.uint8)
    scale = numpy.frombuffer(struct.pack("<e", 0.0123), numpy.uint8)
    at = block_bytes - 2 if kind == Q6_K else 0
    data[..., at : at + 2] = scale
    if kind in (3, 12):  # and the least number
        data[..., 2:4] = scale
    return BlockTensor((rows, columns), kind, data.reshape(rows, -1))


@pytest.mark.parametrize("kind", EXACT)
def test_numbers_of_four_and_five_bits_stay_what_they_are(kind: int) -> None:
    tensor = random_tensor(kind, 5, 512)
    expected = dequantize(tensor.data, GGMLQuantizationType(kind))
    matrix = quantize(tensor, form_of(tensor))
    assert matrix.numbers.shape == (5, 16, 32 if kind in EXACT_EIGHT_BITS else 16)
    error = abs(read_back(matrix) - expected).reshape(5, 16, 32)
    scales = matrix.scales.astype(numpy.float32)
    if matrix.offsets is None:
        assert (error <= 1e-7 * scales).all()
    else:  # scales and offsets have eleven bits
        offsets = abs(matrix.offsets.astype(numpy.float32))[..., None]
        assert (error <= 1.01 * (15 * scales + offsets) / 2048 + 1e-7).all()


@pytest.mark.parametrize("kind", [F32, Q6_K])
def test_all_else_is_within_half_a_step(kind: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantizing, "ROWS_AT_ONCE", 4)
    numbers = numpy.random.default_rng(1).normal(size=(11, 256)).astype(numpy.float32)
    numbers[5], numbers[6] = 0, 100 * numbers[6]
    plain = BlockTensor((11, 256), F32, numbers.view(numpy.uint8))
    tensor = plain if kind == F32 else random_tensor(kind, 11, 256)
    assert form_of(tensor) == "eight"
    matrix = quantize(tensor, "eight")
    error = abs(in_groups(read_back(matrix)) - in_groups(tensor.floats()))
    assert (error <= 0.51 * matrix.scales.astype(numpy.float32) + 1e-7).all()
    assert quantize(tensor, "four and offset").numbers.dtype == numpy.uint8


def test_a_row_that_is_not_whole_groups_is_one() -> None:
    assert in_groups(numpy.zeros((2, 48), numpy.float32)).shape == (2, 1, 48)
    assert in_groups(numpy.zeros((2, 64), numpy.float32)).shape == (2, 2, 32)


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
