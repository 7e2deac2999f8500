"""Write bf16 weights one by one: those of a quantized file, or with an adapter merged in."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from starcoder_cli.errors import DataError
from starcoder_cli.weights.safetensors import TensorEntry
from starcoder_cli.weights.safetensors_writer import TensorGroup, write_safetensors
from starcoder_cli.weights.tensors import FLOAT_TYPES, MappedTensor, map_tensors

if TYPE_CHECKING:
    from numpy import float32, uint16
    from numpy.typing import NDArray


class FloatTensor(Protocol):
    """A tensor that can return its numbers in 32 bits."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its length along each axis."""

    def floats(self) -> "NDArray[float32]":
        """Its numbers."""


def write_bf16(path: Path, tensors: Mapping[str, FloatTensor]) -> None:
    """Write tensors as a safetensors file in bf16; a matrix with one row becomes a vector.

    Raises OSError if it cannot be written.
    """
    write_safetensors(path, [make_group(name, tensor) for name, tensor in tensors.items()])


def make_group(name: str, tensor: FloatTensor) -> TensorGroup:
    """The group to write for a tensor."""
    shape = tensor.shape[1:] if tensor.shape[0] == 1 and len(tensor.shape) == 2 else tensor.shape
    size = 2
    for length in shape:
        size *= length
    return TensorGroup({name: TensorEntry("BF16", shape, size)}, lambda: [to_bf16(tensor.floats())])


def to_bf16(numbers: "NDArray[float32]") -> "NDArray[uint16]":
    """Round 32-bit numbers to their upper halves, to the nearest and on ties to even."""
    import numpy

    bits = numpy.ascontiguousarray(numbers, numpy.float32).view(numpy.uint32)
    rounded: NDArray[uint16] = ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(numpy.uint16)
    return rounded


class MergedTensor:
    """A matrix with the product of two small ones added to it: W + scale B A."""

    def __init__(
        self,
        base: MappedTensor,
        factors: tuple[MappedTensor, MappedTensor],
        scale: float,
        *,
        transposed: bool,
    ) -> None:
        self.base, self.factors, self.scale, self.transposed = base, factors, scale, transposed
        self.shape = base.shape

    def floats(self) -> "NDArray[float32]":
        """The sum."""
        first, second = (factor.floats() for factor in self.factors)
        added = self.scale * (second @ first)
        return self.base.floats() + (added.T if self.transposed else added)


def merge_adapter(
    files: tuple[Path, ...], weights: Path, settings: Mapping[str, object], target: Path
) -> None:
    """Write the weights of a checkpoint with a LoRA adapter merged into them.

    Raises DataError if the adapter is not for this checkpoint, OSError if the disk is full.
    """
    base = {
        name: tensor
        for name, tensor in map_tensors(files).items()
        if tensor.entry.dtype in FLOAT_TYPES
    }
    factors = map_tensors([weights])
    rank, alpha = settings.get("r"), settings.get("lora_alpha")
    if not isinstance(rank, int) or not isinstance(alpha, int | float) or rank < 1:
        raise DataError(f"{weights.parent} does not say how large the adapter is", "train it again")
    merged: dict[str, FloatTensor] = dict(base)
    for name, first in factors.items():
        if ".lora_A." not in name:
            continue
        target_name = name.removeprefix("base_model.model.").replace(".lora_A.", ".")
        second = factors.get(name.replace(".lora_A.", ".lora_B."))
        transposed = bool(settings.get("fan_in_fan_out"))
        if target_name not in base or second is None:
            raise DataError(f"{weights.parent} is of another model: {name}", "train it again")
        expected = (second.shape[0], first.shape[1])
        if base[target_name].shape != (expected[::-1] if transposed else expected):
            raise DataError(f"{weights.parent} is of another model: {name}", "train it again")
        merged[target_name] = MergedTensor(
            base[target_name], (first, second), alpha / rank, transposed=transposed
        )
    write_bf16(target, merged)
