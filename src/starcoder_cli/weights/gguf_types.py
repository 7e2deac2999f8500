"""The names of tensor types in GGUF files."""

from collections import Counter
from collections.abc import Iterable, Mapping

from starcoder_cli.weights.gguf import GgufTensor

# By ggml's type number.
TYPE_NAMES: Mapping[int, str] = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 9: "Q8_1",
    10: "Q2_K", 11: "Q3_K", 12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 15: "Q8_K", 16: "IQ2_XXS",
    17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS",
    24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64", 29: "IQ1_M", 30: "BF16", 34: "TQ1_0",
    35: "TQ2_0", 39: "MXFP4",
}  # fmt: skip


def tensor_types(tensors: Iterable[GgufTensor]) -> list[str]:
    """The names of tensors' types, those that take most bytes first."""
    sizes: Counter[int] = Counter()
    for tensor in tensors:
        sizes[tensor.ggml_type] += tensor.length
    return [TYPE_NAMES.get(number, f"type {number}") for number, _ in sizes.most_common()]
