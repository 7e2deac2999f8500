"""Tensors of GGUF files: their blocks by rows, and their numbers."""

import struct
from pathlib import Path

import numpy
import pytest

from ggufs import ARCHITECTURE, Parts, tensor
from starcoder_cli.weights.gguf import read_gguf_header
from starcoder_cli.weights.gguf_tensors import BlockTensor, map_gguf_tensors

Q8_0 = 8


def test_rows_are_the_axis_that_is_slowest(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    numbers = list(range(96))
    data = struct.pack("<96f", *numbers) + struct.pack("<32e", *numbers[:32])
    tensors = (tensor("matrix", 0, (32, 3)), tensor("half", 384, (32,), 1))
    path.write_bytes(Parts(entries=(ARCHITECTURE,), tensors=tensors, data=data).build())
    found = map_gguf_tensors(path, read_gguf_header(path))
    assert (found["matrix"].shape, found["half"].shape) == ((3, 32), (1, 32))
    assert found["matrix"].floats().tolist() == numpy.array(numbers).reshape(3, 32).tolist()
    assert found["matrix"].floats(1, 1).tolist() == [numbers[32:64]]
    assert found["half"].floats().tolist() == [numbers[:32]]


def test_blocks_are_read_row_by_row() -> None:
    scale = numpy.frombuffer(struct.pack("<e", 0.5), numpy.uint8)
    rows = [numpy.concatenate((scale, numpy.full(32, row, numpy.uint8))) for row in range(4)]
    blocks = BlockTensor((4, 32), Q8_0, numpy.stack(rows))
    assert blocks.floats(2, 2).tolist() == [[1.0] * 32, [1.5] * 32]
    assert blocks.blocks(1, 2)[:, 2].tolist() == [1, 2]


def test_the_halves_of_rotary_pairs_are_brought_together() -> None:
    """What llama.cpp's converter does to each head, the other way round."""
    plain = numpy.arange(8, dtype=numpy.float32).reshape(8, 1)
    paired = plain.reshape(2, 2, 2, 1).swapaxes(1, 2).reshape(8, 1)
    blocks = BlockTensor((8, 1), 0, numpy.ascontiguousarray(paired).view(numpy.uint8), 2)
    assert blocks.floats().ravel().tolist() == plain.ravel().tolist()
    assert blocks.floats(5, 2).ravel().tolist() == [5, 6]


def test_a_type_that_nobody_can_read() -> None:
    with pytest.raises((NotImplementedError, ValueError)):
        BlockTensor((1, 256), 61, numpy.zeros((1, 66), numpy.uint8)).floats()
