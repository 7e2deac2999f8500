"""A GGUF file with its five-bit tensors in eight bits, number for number the same, for OpenVINO.

A block of Q5_0 is a 16-bit scale, the fifth bits of 32 numbers and their other four; one of Q8_0 is
the same scale and the 32 numbers, of eight bits each (ggml's `ggml-common.h`). A processor takes
eight bits as they are, and some readers know nothing between four and eight.
"""

import struct
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from starcoder_cli.errors import DataError
from starcoder_cli.gguf import (
    ARRAY,
    BLOCKS,
    MAGIC,
    STRING,
    Tensor,
    read_header,
    tensor_length,
)

if TYPE_CHECKING:
    from numpy import uint8
    from numpy.typing import NDArray

Q5_0, Q8_0 = 6, 8
STEP = 1 << 24

MERGES = "tokenizer.ggml.merges"
NO_MERGES = struct.pack(f"<Q{len(MERGES)}sIIQ", len(MERGES), MERGES.encode(), ARRAY, STRING, 0)


def write_eightbit(path: Path, to: Path) -> None:
    """Write the file anew, without the merges of its tokenizer: ids are all that it is given.

    OpenVINO spends a fourth of its time of reading on them. Raises DataError for a malformed file,
    and for one with tensors of a type that is not known.
    """
    header = read_header(path)
    if any(tensor.kind not in BLOCKS for tensor in header.tensors):
        raise DataError(f"{path} has tensors of a type that is not known", "use --engine llamacpp")
    written = aligned([widened(tensor) for tensor in header.tensors], header.alignment)
    with path.open("rb") as source, to.open("wb") as target:
        target.write(MAGIC + struct.pack("<IQQ", 3, len(written), len(header.entries)))
        for key, (begin, end) in header.entries.items():
            source.seek(begin)
            target.write(NO_MERGES if key == MERGES else source.read(end - begin))
        target.write(b"".join(map(entry, written)))
        pad(target, header.alignment)
        for old in header.tensors:
            pad(target, header.alignment)
            source.seek(header.data + old.start)
            copy(source, target, old)


def widened(tensor: Tensor) -> Tensor:
    """A tensor as it is in eight bits, where it was in five."""
    if tensor.kind != Q5_0:
        return tensor
    return replace(tensor, kind=Q8_0, length=tensor_length(tensor.shape, Q8_0))


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


def copy(source: BinaryIO, target: BinaryIO, tensor: Tensor) -> None:
    """The bytes of a tensor, in eight bits where they were in five, a part at a time."""
    _, block = BLOCKS[tensor.kind]
    left = tensor.length
    while left:
        part = source.read(min(left, STEP // block * block))
        left -= len(part)
        target.write(eightbit(part) if tensor.kind == Q5_0 else part)


def eightbit(blocks: bytes) -> bytes:
    """Blocks of Q5_0 as blocks of Q8_0."""
    import numpy

    old: NDArray[uint8] = numpy.frombuffer(blocks, numpy.uint8).reshape(-1, BLOCKS[Q5_0][1])
    fifth = numpy.unpackbits(old[:, 2:6], axis=1, bitorder="little")
    four = numpy.hstack((old[:, 6:] & 15, old[:, 6:] >> 4))
    numbers = (four | fifth << 4) - numpy.uint8(16)
    return numpy.hstack((old[:, :2], numbers)).tobytes()
