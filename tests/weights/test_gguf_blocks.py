"""The bytes of tensors, as ggml itself counts them."""

import gguf
import pytest

from starcoder_cli.weights.gguf_blocks import BLOCK_SIZES, GgufError, tensor_length

# Of Q8_1, which no file has, the library counts two numbers of 32 bits that ggml has in 16.
KNOWN = {int(kind): sizes for kind, sizes in gguf.GGML_QUANT_SIZES.items() if kind.name != "Q8_1"}


@pytest.mark.parametrize("ggml_type", sorted(BLOCK_SIZES.keys() & KNOWN.keys()))
def test_each_type_is_that_of_ggml(ggml_type: int) -> None:
    block, size = KNOWN[ggml_type]
    assert BLOCK_SIZES[ggml_type] == (block, size)
    assert tensor_length((3 * block, 5), ggml_type) == 15 * size


def test_a_type_of_later_counts_as_a_byte() -> None:
    assert tensor_length((7,), 60) == 1


@pytest.mark.parametrize(("shape", "ggml_type"), [((0,), 0), ((1 << 40, 1 << 40), 0), ((7,), 8)])
def test_what_cannot_be(shape: tuple[int, ...], ggml_type: int) -> None:
    with pytest.raises(GgufError):
        tensor_length(shape, ggml_type)
