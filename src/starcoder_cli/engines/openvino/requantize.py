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
    ARRAY,
    BLOCKS,
    MAGIC,
    STRING,
    Header,
    Tensor,
    read_header,
    tensor_length,
)

if TYPE_CHECKING:
    from numpy import float32, uint8
    from numpy.typing import NDArray

Q4_1, Q5_0, Q8_0, Q6_K = 3, 6, 8, 14
STEP = 1 << 20
FEED_FORWARD = re.compile(r"blk\.\d+\.ffn_(gate|up)\.weight")
SAMPLE = 8
"""One of so many blocks of a tensor tells how much it loses in four bits."""

MERGES = "tokenizer.ggml.merges"
NO_MERGES = struct.pack(f"<Q{len(MERGES)}sIIQ", len(MERGES), MERGES.encode(), ARRAY, STRING, 0)


def write_eightbit(path: Path, to: Path, narrow: int = 0) -> None:
    """Write the file anew, without the merges of its tokenizer: ids are all that it is given.

    OpenVINO spends a fourth of its time of reading on them. So many five-bit tensors as `narrow`
    go in four bits, those of the feed-forward's that lose least. Raises DataError for a malformed
    file, and for one with tensors of a type that is not known.
    """
    header = read_header(path)
    if any(tensor.kind not in BLOCKS for tensor in header.tensors):
        raise DataError(f"{path} has tensors of a type that is not known", "use --engine llamacpp")
    with path.open("rb") as source, to.open("wb") as target:
        four = hardiest(source, header, narrow)
        written = aligned([formed(tensor, four) for tensor in header.tensors], header.alignment)
        target.write(MAGIC + struct.pack("<IQQ", 3, len(written), len(header.entries)))
        for key, (begin, end) in header.entries.items():
            source.seek(begin)
            target.write(NO_MERGES if key == MERGES else source.read(end - begin))
        target.write(b"".join(map(entry, written)))
        pad(target, header.alignment)
        for old, new in zip(header.tensors, written, strict=True):
            pad(target, header.alignment)
            source.seek(header.data + old.start)
            copy(source, target, old, new.kind)


def hardiest(source: BinaryIO, header: Header, most: int) -> AbstractSet[str]:
    """The names of so many five-bit tensors of the feed-forward, those that lose least in four."""
    lost = {
        tensor.name: loss(source, header.data + tensor.start, tensor.length)
        for tensor in header.tensors
        if most and tensor.kind == Q5_0 and FEED_FORWARD.fullmatch(tensor.name)
    }
    return frozenset(sorted(lost, key=lost.__getitem__)[:most])


def loss(source: BinaryIO, start: int, length: int) -> float:
    """How much a five-bit tensor loses in four bits, by some of its blocks."""
    block = BLOCKS[Q5_0][1]
    source.seek(start)
    return q8_0_to_q4_1(q5_0_to_q8_0(source.read(max(length // SAMPLE // block, 1) * block)))[1]


def formed(tensor: Tensor, four: AbstractSet[str]) -> Tensor:
    """A tensor as it is in eight bits, or in four, where it was in five or six."""
    if tensor.kind not in (Q5_0, Q6_K):
        return tensor
    kind = Q4_1 if tensor.name in four else Q8_0
    return replace(tensor, kind=kind, length=tensor_length(tensor.shape, kind))


def aligned(tensors: Sequence[Tensor], alignment: int) -> list[Tensor]:
    """The tensors one behind the other."""
    placed, end = [], 0
    for tensor in tensors:
        start = -(-end // alignment) * alignment
        end = start + tensor.length
        placed.append(replace(tensor, start=start))
    return placed


def entry(tensor: Tensor) -> bytes:
    """A tensor in the table of a GGUF file."""
    name, axes = tensor.name.encode(), len(tensor.shape)
    layout = f"<Q{len(name)}sI{axes}QIQ"
    return struct.pack(layout, len(name), name, axes, *tensor.shape, tensor.kind, tensor.start)


def pad(target: BinaryIO, alignment: int) -> None:
    """Zeros up to the next place where data may begin."""
    target.write(bytes(-target.tell() % alignment))


def copy(source: BinaryIO, target: BinaryIO, tensor: Tensor, kind: int) -> None:
    """The bytes of a tensor, in eight or four bits where they were others, a part at a time."""
    _, block = BLOCKS[tensor.kind]
    left = tensor.length
    while left:
        part = source.read(min(left, STEP // block * block))
        left -= len(part)
        if tensor.kind == Q5_0:
            part = q8_0_to_q4_1(q5_0_to_q8_0(part))[0] if kind == Q4_1 else q5_0_to_q8_0(part)
        elif tensor.kind == Q6_K:
            part = requantize.q6_k_to_q8_0(part)
        target.write(part)


def q5_0_to_q8_0(blocks: bytes) -> bytes:
    """Blocks of Q5_0 as blocks of Q8_0."""
    import numpy

    old: NDArray[uint8] = numpy.frombuffer(blocks, numpy.uint8).reshape(-1, BLOCKS[Q5_0][1])
    fifth = numpy.unpackbits(old[:, 2:6], axis=1, bitorder="little")
    four = numpy.hstack((old[:, 6:] & 15, old[:, 6:] >> 4))
    numbers = (four | fifth << 4) - numpy.uint8(16)
    return numpy.hstack((old[:, :2], numbers)).tobytes()


SHARES = (1.0, 0.95, 0.9, 0.85, 0.8)
"""Of a block's range, how much the sixteen numbers may span: cutting off its ends can pay."""


def q8_0_to_q4_1(blocks: bytes) -> tuple[bytes, float]:
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


BLOCK = 210


def q6_k_to_q8_0(blocks: bytes) -> bytes:
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
