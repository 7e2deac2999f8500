"""The numbers of a checkpoint, mapped from its safetensors files and read when they are needed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from starcoder_cli.weights.safetensors import TensorEntry, read_safetensors_header

if TYPE_CHECKING:
    from numpy import float32, uint8
    from numpy.typing import NDArray


@dataclass(frozen=True)
class MappedTensor:
    """A tensor whose bytes are a part of a file."""

    entry: TensorEntry
    data: "NDArray[uint8]"

    def floats(self) -> "NDArray[float32]":
        """Its numbers in 32 bits, in its shape."""
        import numpy

        if self.entry.dtype == "BF16":  # the upper half of 32 bits
            numbers = (self.data.view(numpy.uint16).astype(numpy.uint32) << 16).view(numpy.float32)
        else:
            kind = {"F16": numpy.float16, "F32": numpy.float32, "F64": numpy.float64}
            numbers = self.data.view(kind[self.entry.dtype]).astype(numpy.float32)
        return numbers.reshape(self.entry.shape)


def map_tensors(files: Iterable[Path]) -> Mapping[str, MappedTensor]:
    """The tensors of some safetensors files by name.

    Raises DataError for a malformed file, InputError where there is no file to read.
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
