"""Six-bit numbers in eight bits: the same numbers, as near as eight bits can be."""

import struct

import numpy
from hypothesis import given, settings
from hypothesis import strategies as st

from starcoder_cli.engines.openvino.requantize import (
    Q6_K_BLOCK_BYTES,
    dequantize_q6_k,
    q6_k_to_q8_0,
)


def numbers(block: bytes) -> list[float]:
    """The 256 numbers of a block of Q6_K, one by one (ggml's `dequantize_row_q6_K`)."""
    scales, (whole,) = struct.unpack("<16b", block[192:208]), struct.unpack("<e", block[208:])
    found = []
    for at in range(256):
        half, place = divmod(at, 128)
        quarter, number = divmod(place, 32)
        lower = block[half * 64 + number + 32 * (quarter % 2)] >> 4 * (quarter // 2) & 15
        upper = block[128 + half * 32 + number] >> 2 * quarter & 3
        code = (lower | upper << 4) - 32
        found.append(whole * scales[half * 8 + quarter * 2 + number // 16] * code)
    return found


BLOCKS = st.binary(min_size=Q6_K_BLOCK_BYTES - 2, max_size=Q6_K_BLOCK_BYTES - 2).map(
    lambda rest: rest + struct.pack("<e", 0.0123)
)


@given(BLOCKS)
@settings(max_examples=100, deadline=None)
def test_the_numbers_of_a_block(block: bytes) -> None:
    numpy.testing.assert_allclose(dequantize_q6_k(block)[0], numbers(block), rtol=1e-6)


@given(st.lists(BLOCKS, min_size=1, max_size=3))
@settings(max_examples=50, deadline=None)
def test_eight_bits_are_near(blocks: list[bytes]) -> None:
    """By half a step, and what a 16-bit scale is rounded by."""
    made = numpy.frombuffer(q6_k_to_q8_0(b"".join(blocks)), numpy.uint8).reshape(-1, 34)
    scales = made[:, :2].copy().view(numpy.float16).astype(numpy.float32)
    found = scales * made[:, 2:].view(numpy.int8)
    wanted = numpy.array([numbers(block) for block in blocks]).reshape(-1, 32)
    largest = numpy.abs(wanted).max(axis=1, keepdims=True)
    assert (numpy.abs(found - wanted) <= largest / 127 * 0.57 + 1e-6).all()


def test_a_block_of_zeros() -> None:
    assert q6_k_to_q8_0(bytes(Q6_K_BLOCK_BYTES)) == bytes(8 * 34)
