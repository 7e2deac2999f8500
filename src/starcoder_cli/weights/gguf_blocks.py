"""The block sizes of ggml's tensor types, in numbers and bytes."""

from collections.abc import Mapping, Sequence
from math import prod


class GgufError(Exception):
    """What is wrong with the bytes of a file."""


# Numbers and bytes per block, by ggml's type number.
BLOCK_SIZES: Mapping[int, tuple[int, int]] = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
    9: (32, 36), 10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210),
    15: (256, 292), 16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18),
    21: (256, 110), 22: (256, 82), 23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8),
    28: (1, 8), 29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66), 39: (32, 17),
}  # fmt: skip
MAX_TENSOR_TYPE = 63


def tensor_length(shape: Sequence[int], ggml_type: int) -> int:
    """The bytes of a tensor's data, from its shape and type.

    A type newer than this table counts as one byte: only the loader knows its true length.
    """
    elements = prod(shape)
    if not 0 < elements < 1 << 63 or ggml_type > MAX_TENSOR_TYPE:
        raise GgufError("a tensor has an impossible shape or type")
    if ggml_type not in BLOCK_SIZES:
        return 1
    block, size = BLOCK_SIZES[ggml_type]
    if shape[0] % block:
        raise GgufError("a tensor's rows are not whole blocks")
    return elements // block * size
