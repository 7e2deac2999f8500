"""Five-bit tensors in eight bits: the same numbers, and everything else as it was."""

import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ggufs import ARCHITECTURE, ARRAY, STRING, Parts, array, entry, tensor, text
from starcoder_cli.engines.openvino import requantize
from starcoder_cli.engines.openvino.requantize import (
    EMPTY_MERGES_ENTRY,
    Q4_1,
    Q5_0,
    Q8_0,
    q8_0_to_q4_1,
    write_requantized,
)
from starcoder_cli.errors import DataError
from starcoder_cli.weights.gguf import GgufTensor, read_gguf_header

ROWS, WIDTH = 3, 64
MERGES = entry("tokenizer.ggml.merges", ARRAY, array(STRING, 2, text("a b") + text("c d")))
LAST = entry("last", STRING, text("end"))
BLOCKS = ROWS * WIDTH // 32


def numbers(block: bytes) -> list[int]:
    """The 32 numbers of a block of Q5_0, one by one (ggml's `dequantize_row_q5_0`)."""
    (fifth,) = struct.unpack_from("<I", block, 2)
    found = []
    for at in range(32):
        four = block[6 + at % 16] >> (4 if at >= 16 else 0) & 15
        found.append((four | (fifth >> at & 1) << 4) - 16)
    return found


@given(st.binary(min_size=22, max_size=22))
@settings(max_examples=200, deadline=None)
def test_a_block_keeps_its_scale_and_its_numbers(block: bytes) -> None:
    wide = requantize.q5_0_to_q8_0(block)
    assert wide[:2] == block[:2]
    assert list(struct.unpack("<32b", wide[2:])) == numbers(block)


def test_a_file_keeps_all_but_its_five_bit_tensors(tmp_path: Path) -> None:
    five = bytes(range(256))[: 22 * BLOCKS].ljust(22 * BLOCKS, b"\x55")
    plain, last = bytes(range(128)), bytes(reversed(range(128)))
    old, new = tmp_path / "old.gguf", tmp_path / "new.gguf"
    old.write_bytes(
        Parts(
            entries=(ARCHITECTURE, MERGES, LAST),
            tensors=(
                tensor("plain", 0),
                tensor("five", 128, (WIDTH, ROWS), Q5_0),
                tensor("last", 128 + -(-len(five) // 32) * 32),
            ),
            data=plain + five + bytes(-len(five) % 32) + last,
        ).build()
    )
    write_requantized(old, new)
    before, header, data = read_gguf_header(old), read_gguf_header(new), new.read_bytes()
    assert list(header.entry_spans) == list(before.entry_spans)
    assert data[24 : header.entry_spans["last"][1]] == ARCHITECTURE + EMPTY_MERGES_ENTRY + LAST
    assert header.tensors == (
        GgufTensor("plain", (32,), 0, 0, 128),
        GgufTensor("five", (WIDTH, ROWS), Q8_0, 128, 34 * BLOCKS),
        GgufTensor("last", (32,), 0, 128 + -(-34 * BLOCKS // 32) * 32, 128),
    )
    found = [data[header.data_offset + each.offset :][: each.length] for each in header.tensors]
    assert found == [plain, requantize.q5_0_to_q8_0(five), last]


def test_a_large_tensor_goes_in_parts(tmp_path: Path) -> None:
    """The same blocks in the same order, none of them cut where one part ends."""
    rows = 2 * requantize.COPY_CHUNK_BYTES // (22 * WIDTH // 32)
    five = (bytes(range(1, 251)) * (22 * rows * WIDTH // 32 // 250 + 1))[: 22 * rows * WIDTH // 32]
    old, new = tmp_path / "old.gguf", tmp_path / "new.gguf"
    described = (tensor("five", 0, (WIDTH, rows), Q5_0),)
    old.write_bytes(Parts(entries=(ARCHITECTURE,), tensors=described, data=five).build())
    write_requantized(old, new)
    data = new.read_bytes()[read_gguf_header(new).data_offset :]
    assert len(five) > 1.9 * requantize.COPY_CHUNK_BYTES
    assert data == requantize.q5_0_to_q8_0(five)


def test_those_that_lose_least_go_in_four_bits(tmp_path: Path) -> None:
    """Only tensors of the feed-forward, and no more than are wanted."""
    kept = bytes(2) + bytes(20)  # a scale of zero: nothing is lost
    rough = struct.pack("<e", 1) + bytes(number * 37 % 256 for number in range(20))
    names = ("blk.0.attn_q.weight", "blk.0.ffn_up.weight", "blk.1.ffn_gate.weight")
    size = 22 * BLOCKS
    room = -(-size // 32) * 32
    described = tuple(tensor(name, at * room, (WIDTH, ROWS), Q5_0) for at, name in enumerate(names))
    data = b"".join((block * BLOCKS).ljust(room, b"\0") for block in (kept, rough, kept))
    old, new = tmp_path / "old.gguf", tmp_path / "new.gguf"
    old.write_bytes(Parts(entries=(ARCHITECTURE,), tensors=described, data=data).build())
    for narrow, kinds in ((0, [Q8_0, Q8_0, Q8_0]), (1, [Q8_0, Q8_0, Q4_1]), (9, [8, Q4_1, Q4_1])):
        write_requantized(old, new, narrow)
        header = read_gguf_header(new)
        assert [each.ggml_type for each in header.tensors] == kinds
        last = new.read_bytes()[header.data_offset + header.tensors[2].offset :][: 20 * BLOCKS]
        assert not narrow or last == q8_0_to_q4_1(requantize.q5_0_to_q8_0(kept * BLOCKS))[0]


def test_a_type_of_tensors_that_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / "new.gguf"
    described = (tensor("new", 0, kind=60),)
    path.write_bytes(Parts(entries=(ARCHITECTURE,), tensors=described).build())
    with pytest.raises(DataError) as caught:
        write_requantized(path, tmp_path / "to.gguf")
    assert str(caught.value) == (
        f"{path} has tensors of a type that is not known; use --engine llamacpp"
    )
