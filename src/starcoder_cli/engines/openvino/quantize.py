"""Matrices in eight or four bits with a scale for each group of numbers, as OpenVINO's kernels
read them.

What a GGUF file has in blocks of 32 numbers stays the same number for number: eight bits hold Q8_0
and Q5_0, four bits hold Q4_0, Q4_1 and Q4_K, the last two with an offset for each group. All else
is rounded to eight bits, off by at most half of a 127th of the largest in its group. The blocks are
those of ggml's `ggml-common.h`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from starcoder_cli.engines.openvino.rounding import (
    QuantizedMatrix,
    above_least,
    pack_pairs,
    to_eight_bits,
    to_four_bits,
    to_four_bits_and_offset,
)
from starcoder_cli.weights.gguf_tensors import BlockTensor

if TYPE_CHECKING:
    from numpy import float32, uint8
    from numpy.typing import NDArray

GROUP_SIZE, WIDE_GROUP_SIZE = 32, 64
WIDE_COLUMNS = 6144
"""From this many columns, a checkpoint's matrix has wider groups in four bits: 15.5 billion weights
take 2 GB less that way, which they need on a machine with 16 GB."""

ROWS_AT_ONCE = 1 << 8
"""This many rows of a matrix are expanded to 32 bits at a time."""

THREADS = 2
Q4_0, Q4_1, Q5_0, Q8_0, Q4_K = 2, 3, 6, 8, 12

Form: TypeAlias = Literal["eight", "four", "four and offset"]
"""Eight bits, or four, with or without an offset for each group."""

Bits: TypeAlias = Literal[4, 8, 16]
"""How many bits the matrices of a checkpoint have in a graph; 16 means those of its files."""

EMBEDDING = re.compile(r"(model\.embed_tokens|transformer\.wte)\.weight")
"""A table whose rows are looked up one by one, which is only done in eight bits."""

TELLING = re.compile(r"\.(attn|self_attn)\.|lm_head\.")
"""Attention and the head: a small part of the weights, and what loses most in four bits."""


class Tensor(Protocol):
    """A matrix in a file."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns."""

    def floats(self, first: int = 0, count: int | None = None) -> "NDArray[float32]":
        """The numbers of `count` rows from the row `first`."""


def form_of(tensor: Tensor) -> Form:
    """The form a tensor is converted to unless there is a reason for another."""
    if isinstance(tensor, BlockTensor) and tensor.ggml_type in EXACT_FOUR_BITS:
        return "four" if tensor.ggml_type == Q4_0 else "four and offset"
    return "eight"


def form_in_bits(name: str, tensor: Tensor, bits: Bits) -> Form:
    """The form of a checkpoint's matrix in a graph with this many bits."""
    is_in_eight = EMBEDDING.fullmatch(name) or TELLING.search(name)
    is_in_four = bits == 4 and not is_in_eight and tensor.shape[1] % GROUP_SIZE == 0
    return "four and offset" if is_in_four else "eight"


def quantize(tensor: Tensor, form: Form) -> QuantizedMatrix:
    """Convert a matrix to a form. Raises NotImplementedError for a ggml type nobody can read."""
    rows = tensor.shape[0]

    def quantize_rows(first: int) -> QuantizedMatrix:
        count = min(ROWS_AT_ONCE, rows - first)
        if isinstance(tensor, BlockTensor) and form == form_of(tensor):
            exact = EXACT_EIGHT_BITS.get(tensor.ggml_type) or EXACT_FOUR_BITS.get(tensor.ggml_type)
            if exact:
                return exact(tensor.blocks(first, count))
        numbers = in_groups(tensor.floats(first, count), group_size(tensor, form))
        if form == "four":
            return to_four_bits(numbers)[0]
        return to_eight_bits(numbers) if form == "eight" else to_four_bits_and_offset(numbers)

    with ThreadPoolExecutor(THREADS) as pool:
        return join_rows(list(pool.map(quantize_rows, range(0, rows, ROWS_AT_ONCE))))


def join_rows(parts: Sequence[QuantizedMatrix]) -> QuantizedMatrix:
    """Stack parts of a matrix on top of each other."""
    import numpy

    return QuantizedMatrix(
        numpy.concatenate([part.numbers for part in parts]),
        numpy.concatenate([part.scales for part in parts]),
        join_optional([part.zeros for part in parts]),
        join_optional([part.offsets for part in parts]),
    )


def join_optional(arrays: "Sequence[NDArray[Any] | None]") -> "NDArray[Any] | None":
    """Stack the arrays on top of each other, or return None if there are none."""
    import numpy

    found = [array for array in arrays if array is not None]
    return numpy.concatenate(found) if found else None


def group_size(tensor: Tensor, form: Form) -> int:
    """How many numbers of a row form a group; all of them if a row is not whole groups."""
    columns = tensor.shape[1]
    is_wide = form == "four and offset" and columns >= WIDE_COLUMNS
    size = WIDE_GROUP_SIZE if is_wide and not isinstance(tensor, BlockTensor) else GROUP_SIZE
    return size if columns % size == 0 else columns


def in_groups(numbers: "NDArray[float32]", size: int = GROUP_SIZE) -> "NDArray[float32]":
    """Rows split into groups; a row that is not whole groups is a single one."""
    rows, columns = numbers.shape
    return numbers.reshape(rows, -1, size if columns % size == 0 else columns)


def from_q8_0(blocks: "NDArray[uint8]") -> QuantizedMatrix:
    """Q8_0: a scale, and 32 numbers of eight bits."""
    import numpy

    packed = blocks.reshape(len(blocks), -1, 34)
    scales = numpy.ascontiguousarray(packed[..., :2]).view(numpy.float16)
    return QuantizedMatrix(packed[..., 2:].view(numpy.int8), scales)


def from_q5_0(blocks: "NDArray[uint8]") -> QuantizedMatrix:
    """Q5_0: a scale, the fifth bits of 32 numbers and their other four; 16 stands for zero."""
    import numpy

    packed = blocks.reshape(len(blocks), -1, 22)
    high_bits = numpy.unpackbits(packed[..., 2:6], axis=2, bitorder="little")
    low_bits = unpack_halves(packed[..., 6:])
    scales = numpy.ascontiguousarray(packed[..., :2]).view(numpy.float16)
    return QuantizedMatrix(((low_bits | high_bits << 4) - numpy.uint8(16)).view(numpy.int8), scales)


def from_q4_0(blocks: "NDArray[uint8]") -> QuantizedMatrix:
    """Q4_0: a scale, and 32 numbers of four bits, of which 8 stands for zero."""
    import numpy

    packed = blocks.reshape(len(blocks), -1, 18)
    scales = numpy.ascontiguousarray(packed[..., :2]).view(numpy.float16)
    numbers = pack_pairs(unpack_halves(packed[..., 2:]))
    return QuantizedMatrix(numbers, scales, numpy.full(scales.shape, 8, numpy.uint8))


def from_q4_1(blocks: "NDArray[uint8]") -> QuantizedMatrix:
    """Q4_1: a scale, the least number, and 32 numbers of four bits above it."""
    import numpy

    packed = blocks.reshape(len(blocks), -1, 20)
    factors = numpy.ascontiguousarray(packed[..., :4]).view(numpy.float16).astype(numpy.float32)
    return above_least(unpack_halves(packed[..., 4:]), factors[..., :1], factors[..., 1:])


def from_q4_k(blocks: "NDArray[uint8]") -> QuantizedMatrix:
    """Q4_K: 256 numbers in eight groups, whose scales and least numbers have six bits."""
    import numpy
    from gguf.quants import Q4_K as layout

    packed = blocks.reshape(-1, 144)
    factors = numpy.ascontiguousarray(packed[:, :4]).view(numpy.float16).astype(numpy.float32)
    scales, least = layout.get_scale_min(numpy.ascontiguousarray(packed[:, 4:16]))
    codes = unpack_halves(packed[:, 16:].reshape(len(packed), 4, 32))
    shape = (len(blocks), -1, 1)
    return above_least(
        codes.reshape(len(blocks), -1, 32),
        (factors[:, :1] * scales).reshape(shape),
        (-factors[:, 1:] * least).reshape(shape),
    )


def unpack_halves(packed: "NDArray[uint8]") -> "NDArray[uint8]":
    """The lower halves of the bytes on the last axis, followed by the upper halves."""
    import numpy

    return numpy.concatenate((packed & 15, packed >> 4), axis=-1)


Unpack: TypeAlias = "Callable[[NDArray[uint8]], QuantizedMatrix]"
EXACT_EIGHT_BITS: Mapping[int, Unpack] = {Q8_0: from_q8_0, Q5_0: from_q5_0}
EXACT_FOUR_BITS: Mapping[int, Unpack] = {Q4_0: from_q4_0, Q4_1: from_q4_1, Q4_K: from_q4_k}
