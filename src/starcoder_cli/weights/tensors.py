"""A checkpoint's tensors, mapped from its safetensors files and read on demand."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starcoder_cli.weights.safetensors import TensorEntry, read_safetensors_header

if TYPE_CHECKING:
    from numpy import float32, uint8
    from numpy.typing import NDArray

FLOAT_TYPES = frozenset({"BF16", "F16", "F32", "F64"})
"""The tensor types that can be converted to 32 bits."""


@dataclass(frozen=True)
class MappedTensor:
    """A tensor whose bytes are part of a file."""

    entry: TensorEntry
    data: "NDArray[uint8]"

    @property
    def shape(self) -> tuple[int, ...]:
        """Its length along each axis."""
        return self.entry.shape

    def numbers(self) -> "NDArray[Any]":
        """Its numbers in the file's own type: 8-bit integers, or floats of 16 bits and more."""
        import numpy

        kinds = {"I8": numpy.int8, "U8": numpy.uint8, "F16": numpy.float16, "F32": numpy.float32}
        return self.data.view(kinds[self.entry.dtype]).reshape(self.shape)

    def floats(self, first: int = 0, count: int | None = None) -> "NDArray[float32]":
        """Some of its rows as 32-bit numbers."""
        import numpy

        rows = self.data.reshape(self.shape[0], -1)[first:][:count]
        if self.entry.dtype == "BF16":  # the upper half of 32 bits
            numbers = (rows.view(numpy.uint16).astype(numpy.uint32) << 16).view(numpy.float32)
        else:
            kind = {"F16": numpy.float16, "F32": numpy.float32, "F64": numpy.float64}
            numbers = rows.view(kind[self.entry.dtype]).astype(numpy.float32)
        return numbers.reshape(-1, *self.shape[1:])


def map_tensors(files: Iterable[Path]) -> Mapping[str, MappedTensor]:
    """Map the tensors of safetensors files by name.

    Raises DataError for a malformed file, InputError if there is no file to read.
    """
    import numpy

    tensors: dict[str, MappedTensor] = {}
    for path in files:
        header = read_safetensors_header(path)
        data = numpy.memmap(path, numpy.uint8, "r")
        start = len(data) - header.total_bytes
        for name, entry in header.tensors.items():
            tensors[name] = MappedTensor(entry, data[start : start + entry.byte_count])
            start += entry.byte_count
    return tensors
