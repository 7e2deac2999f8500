"""The names of ggml's types, and which of them a file has."""

from gguf import GGMLQuantizationType

from starcoder_cli.weights.gguf import GgufTensor
from starcoder_cli.weights.gguf_blocks import BLOCK_SIZES
from starcoder_cli.weights.gguf_types import TYPE_NAMES, tensor_types


def test_the_names_are_those_of_the_reference() -> None:
    known = {each.value: each.name for each in GGMLQuantizationType}
    assert TYPE_NAMES.keys() == BLOCK_SIZES.keys()
    assert {number: known[number] for number in TYPE_NAMES} == TYPE_NAMES


def test_the_largest_part_comes_first() -> None:
    rows = [(0, 40), (12, 100), (8, 90), (0, 20), (12, 100), (61, 1)]
    tensors = [GgufTensor("t", (1,), kind, 0, length) for kind, length in rows]
    assert tensor_types(tensors) == ["Q4_K", "Q8_0", "F32", "type 61"]
