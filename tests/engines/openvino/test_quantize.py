"""Matrices in few bits: the same numbers where these are enough, near ones where they are not."""

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy
import pytest
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize

from quantized import read_back
from starcoder_cli.engines.openvino import quantize as quantizing
from starcoder_cli.engines.openvino.quantize import (
    EXACT_EIGHT_BITS,
    EXACT_FOUR_BITS,
    Q4_K,
    WIDE_COLUMNS,
    form_of,
    in_groups,
    quantize,
)
from starcoder_cli.weights.gguf_tensors import BlockTensor

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

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


@dataclass(frozen=True)
class Numbers:
    """A checkpoint's matrix."""

    shape: tuple[int, ...]

    def floats(self, first: int = 0, count: int | None = None) -> "NDArray[float32]":
        """Random ones."""
        chance = numpy.random.default_rng(first)
        return chance.normal(size=(count or self.shape[0], self.shape[1])).astype(numpy.float32)


def test_wide_matrices_of_checkpoints_have_wider_groups_in_four_bits() -> None:
    """Those of files of llama.cpp's have the groups that are there."""
    wide, narrow = Numbers((2, WIDE_COLUMNS)), Numbers((2, 2048))
    assert quantize(wide, "four and offset").numbers.shape == (2, WIDE_COLUMNS // 64, 32)
    assert quantize(narrow, "four and offset").numbers.shape == (2, 64, 16)
    assert quantize(wide, "eight").numbers.shape == (2, WIDE_COLUMNS // 32, 32)
    blocks = random_tensor(Q4_K, 2, WIDE_COLUMNS)
    assert quantize(blocks, "four and offset").numbers.shape == (2, WIDE_COLUMNS // 32, 16)
    error = abs(read_back(quantize(wide, "four and offset")) - wide.floats()).mean()
    assert (
        error < 1.3 * abs(read_back(quantize(narrow, "four and offset")) - narrow.floats()).mean()
    )
