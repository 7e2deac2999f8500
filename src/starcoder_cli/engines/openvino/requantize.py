"""A GGUF file with its five-bit tensors in eight bits, number for number the same, for OpenVINO.

Six-bit tensors, which have a scale for 16 numbers, are in eight bits too, as near as may be: with a
scale for 32 a processor multiplies bytes, in whole numbers, whose sum is the same in any order.

Where that was measured to cost nothing, some of them are in four bits instead, and as much sooner
read from memory for each token that is written.

A block of Q5_0 is a 16-bit scale, the fifth bits of 32 numbers and their other four; one of Q8_0 is
the same scale and the 32 numbers, of eight bits each (ggml's `ggml-common.h`). A processor takes
eight bits as they are, and some readers know nothing between four and eight.
"""

import re
import struct
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from starcoder_cli.engines.openvino import requantize
from starcoder_cli.errors import DataError
from starcoder_cli.weights.gguf import (
    ARRAY_TYPE,
    BLOCK_SIZES,
    MAGIC,
    STRING_TYPE,
    GgufHeader,
    GgufTensor,
    read_gguf_header,
    tensor_length,
)

if TYPE_CHECKING:
    from numpy import float32, uint8
    from numpy.typing import NDArray

Q4_1, Q5_0, Q8_0, Q6_K = 3, 6, 8, 14
COPY_CHUNK_BYTES = 1 << 20
FEED_FORWARD_NAME = re.compile(r"blk\.\d+\.ffn_(gate|up)\.weight")
SAMPLE_DIVISOR = 8
"""One of so many blocks of a tensor tells how much it loses in four bits."""

MERGES_KEY = "tokenizer.ggml.merges"
EMPTY_MERGES_ENTRY = struct.pack(
    f"<Q{len(MERGES_KEY)}sIIQ", len(MERGES_KEY), MERGES_KEY.encode(), ARRAY_TYPE, STRING_TYPE, 0
)


def write_requantized(path: Path, target_path: Path, four_bit_count: int = 0) -> None:
    """Write the file anew, without the merges of its tokenizer: ids are all that it is given.

    OpenVINO spends a fourth of its time of reading on them. So many five-bit tensors as
    `four_bit_count` go in four bits, those of the feed-forward's that lose least. Raises DataError
    for a malformed file, and for one with tensors of a type that is not known.
    """
    header = read_gguf_header(path)
    if any(tensor.ggml_type not in BLOCK_SIZES for tensor in header.tensors):
        raise DataError(f"{path} has tensors of a type that is not known", "use --engine llamacpp")
    with path.open("rb") as source, target_path.open("wb") as target:
        four_bit_names = choose_four_bit_tensors(source, header, four_bit_count)
        target_tensors = align_tensors(
            [target_tensor(tensor, four_bit_names) for tensor in header.tensors], header.alignment
        )
        target.write(MAGIC + struct.pack("<IQQ", 3, len(target_tensors), len(header.entry_spans)))
        for key, (start, end) in header.entry_spans.items():
            source.seek(start)
            target.write(EMPTY_MERGES_ENTRY if key == MERGES_KEY else source.read(end - start))
        target.write(b"".join(map(pack_tensor_info, target_tensors)))
        write_padding(target, header.alignment)
        for old, new in zip(header.tensors, target_tensors, strict=True):
            write_padding(target, header.alignment)
            source.seek(header.data_offset + old.offset)
            copy_tensor(source, target, old, new.ggml_type)


def choose_four_bit_tensors(source: BinaryIO, header: GgufHeader, limit: int) -> AbstractSet[str]:
    """The names of so many five-bit tensors of the feed-forward, those that lose least in four."""
    losses = {
        tensor.name: estimate_loss(source, header.data_offset + tensor.offset, tensor.length)
        for tensor in header.tensors
        if limit and tensor.ggml_type == Q5_0 and FEED_FORWARD_NAME.fullmatch(tensor.name)
    }
    return frozenset(sorted(losses, key=losses.__getitem__)[:limit])


def estimate_loss(source: BinaryIO, start: int, length: int) -> float:
    """How much a five-bit tensor loses in four bits, by some of its blocks."""
    block_bytes = BLOCK_SIZES[Q5_0][1]
    source.seek(start)
    return q8_0_to_q4_1(
        q5_0_to_q8_0(source.read(max(length // SAMPLE_DIVISOR // block_bytes, 1) * block_bytes))
    )[1]


def target_tensor(tensor: GgufTensor, four_bit_names: AbstractSet[str]) -> GgufTensor:
    """A tensor as it is in eight bits, or in four, where it was in five or six."""
    if tensor.ggml_type not in (Q5_0, Q6_K):
        return tensor
    ggml_type = Q4_1 if tensor.name in four_bit_names else Q8_0
    return replace(tensor, ggml_type=ggml_type, length=tensor_length(tensor.shape, ggml_type))


def align_tensors(tensors: Sequence[GgufTensor], alignment: int) -> list[GgufTensor]:
    """The tensors one behind the other."""
    aligned_tensors, end = [], 0
    for tensor in tensors:
        start = -(-end // alignment) * alignment
        end = start + tensor.length
        aligned_tensors.append(replace(tensor, offset=start))
    return aligned_tensors


def pack_tensor_info(tensor: GgufTensor) -> bytes:
    """A tensor in the table of a GGUF file."""
    name, dimension_count = tensor.name.encode(), len(tensor.shape)
    layout = f"<Q{len(name)}sI{dimension_count}QIQ"
    return struct.pack(
        layout, len(name), name, dimension_count, *tensor.shape, tensor.ggml_type, tensor.offset
    )


def write_padding(target: BinaryIO, alignment: int) -> None:
    """Zeros up to the next place where data may begin."""
    target.write(bytes(-target.tell() % alignment))


def copy_tensor(source: BinaryIO, target: BinaryIO, tensor: GgufTensor, target_type: int) -> None:
    """The bytes of a tensor, in eight or four bits where they were others, a part at a time."""
    _, block_bytes = BLOCK_SIZES[tensor.ggml_type]
    remaining = tensor.length
    while remaining:
        chunk = source.read(min(remaining, COPY_CHUNK_BYTES // block_bytes * block_bytes))
        remaining -= len(chunk)
        if tensor.ggml_type == Q5_0:
            chunk = (
                q8_0_to_q4_1(q5_0_to_q8_0(chunk))[0] if target_type == Q4_1 else q5_0_to_q8_0(chunk)
            )
        elif tensor.ggml_type == Q6_K:
            chunk = requantize.q6_k_to_q8_0(chunk)
        target.write(chunk)


def q5_0_to_q8_0(blocks: bytes) -> bytes:
    """Blocks of Q5_0 as blocks of Q8_0."""
    import numpy

    packed: NDArray[uint8] = numpy.frombuffer(blocks, numpy.uint8).reshape(-1, BLOCK_SIZES[Q5_0][1])
    high_bits = numpy.unpackbits(packed[:, 2:6], axis=1, bitorder="little")
    low_bits = numpy.hstack((packed[:, 6:] & 15, packed[:, 6:] >> 4))
    numbers = (low_bits | high_bits << 4) - numpy.uint8(16)
    return numpy.hstack((packed[:, :2], numbers)).tobytes()


RANGE_FRACTIONS = (1.0, 0.95, 0.9, 0.85, 0.8)
"""Of a block's range, how much the sixteen numbers may span: cutting off its ends can pay."""


def q8_0_to_q4_1(blocks: bytes) -> tuple[bytes, float]:
    """Blocks of Q8_0 as blocks of Q4_1, and their error: its square over that of the numbers."""
    import numpy

    packed = numpy.frombuffer(blocks, numpy.uint8).reshape(-1, 34)
    scales = packed[:, :2].copy().view(numpy.float16).astype(numpy.float32)
    numbers = scales * packed[:, 2:].view(numpy.int8)
    low, high = (extreme(numbers, axis=1, keepdims=True) for extreme in (numpy.min, numpy.max))
    best, least_error = quantize_q4_1(numbers, low, high)
    for fraction in RANGE_FRACTIONS[1:]:
        margin = (high - low) * numpy.float32((1 - fraction) / 2)
        candidate, error = quantize_q4_1(numbers, low + margin, high - margin)
        is_better = error < least_error
        best, least_error = (
            numpy.where(is_better, candidate, best),
            numpy.where(is_better, error, least_error),
        )
    relative_error = float(least_error.sum() / max(float((numbers**2).sum()), 1e-30))
    return best.tobytes(), relative_error


def quantize_q4_1(
    numbers: "NDArray[float32]", low: "NDArray[float32]", high: "NDArray[float32]"
) -> "tuple[NDArray[uint8], NDArray[float32]]":
    """Rows of numbers as blocks of Q4_1 from `low` to `high`, and the squared error of each."""
    import numpy

    step = ((high - low) / 15).astype(numpy.float16)
    zero = low.astype(numpy.float16)
    divisors = numpy.where(step == 0, numpy.float16(1), step).astype(numpy.float32)
    codes = numpy.clip(numpy.rint((numbers - zero) / divisors), 0, 15)
    error = ((codes * step + zero - numbers) ** 2).sum(axis=1, keepdims=True)
    code_bytes = codes.astype(numpy.uint8)
    packed = code_bytes[:, :16] | code_bytes[:, 16:] << 4
    return numpy.hstack((step.view(numpy.uint8), zero.view(numpy.uint8), packed)), error


Q6_K_BLOCK_BYTES = 210


def q6_k_to_q8_0(blocks: bytes) -> bytes:
    """Blocks of Q6_K as blocks of Q8_0: off by at most half of a 127th of a block's largest."""
    import numpy

    numbers = dequantize_q6_k(blocks).reshape(-1, 32)
    largest = numpy.abs(numbers).max(axis=1, keepdims=True)
    scales = (largest / 127).astype(numpy.float16)
    divisors = numpy.where(scales == 0, numpy.float16(1), scales).astype(numpy.float32)
    codes = numpy.clip(numpy.rint(numbers / divisors), -127, 127).astype(numpy.int8)
    return numpy.hstack((scales.view(numpy.uint8), codes.view(numpy.uint8))).tobytes()


def dequantize_q6_k(blocks: bytes) -> "NDArray[float32]":
    """The numbers of blocks of Q6_K, of shape [blocks, 256]."""
    import numpy

    rows = numpy.frombuffer(blocks, numpy.uint8).reshape(-1, Q6_K_BLOCK_BYTES)
    # Each half of a block has 64 bytes of lower bits, for its first and its last 64 numbers, and 32
    # of upper ones, for a number in each quarter.
    lower = rows[:, :128].reshape(-1, 2, 1, 64) >> numpy.array([[0], [4]], numpy.uint8) & 15
    upper = (
        rows[:, 128:192].reshape(-1, 2, 1, 32) >> numpy.array([[0], [2], [4], [6]], numpy.uint8) & 3
    )
    codes = (lower.reshape(-1, 256) | upper.reshape(-1, 256) << 4).astype(numpy.int8) - 32
    scales = rows[:, 192:208].copy().view(numpy.int8).repeat(16, axis=1).astype(numpy.float32)
    block_scales = rows[:, 208:].copy().view(numpy.float16).astype(numpy.float32)
    numbers: NDArray[float32] = block_scales * scales * codes
    return numbers
