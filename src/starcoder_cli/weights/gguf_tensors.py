"""The tensors of a GGUF file, mapped and read on demand as rows of ggml blocks."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from starcoder_cli.weights.gguf import GgufHeader, GgufTensor
from starcoder_cli.weights.gguf_blocks import BLOCK_SIZES

if TYPE_CHECKING:
    from numpy import float32, uint8
    from numpy.typing import NDArray


@dataclass(frozen=True)
class BlockTensor:
    """A tensor of shape [rows, columns] stored in ggml blocks; a vector is one row.

    `paired_heads` is the number of heads whose rotary pairs are adjacent in the file, 0 if the
    halves are kept together; readers always return the halves together.
    """

    shape: tuple[int, int]
    ggml_type: int
    data: "NDArray[uint8]"
    paired_heads: int = 0

    def blocks(self, first: int, count: int) -> "NDArray[uint8]":
        """The bytes of `count` rows starting at the first, of shape [rows, bytes]."""
        if not self.paired_heads:
            return self.data[first : first + count]
        import numpy

        rows = numpy.arange(self.shape[0]).reshape(self.paired_heads, -1, 2).swapaxes(1, 2)
        return self.data[rows.ravel()[first : first + count]]

    def floats(self, first: int = 0, count: int | None = None) -> "NDArray[float32]":
        """The numbers of some rows, of shape [rows, columns].

        Raises NotImplementedError for a type that cannot be read.
        """
        import numpy
        from gguf.constants import GGMLQuantizationType
        from gguf.quants import dequantize

        kind = GGMLQuantizationType(self.ggml_type)
        blocks = numpy.ascontiguousarray(self.blocks(first, count or self.shape[0]))
        plain = {GGMLQuantizationType.F32: numpy.float32, GGMLQuantizationType.F16: numpy.float16}
        if kind in plain:
            return blocks.view(plain[kind]).astype(numpy.float32)
        numbers: NDArray[float32] = dequantize(blocks, kind)
        return numbers.astype(numpy.float32, copy=False)


def map_gguf_tensors(path: Path, header: GgufHeader) -> Mapping[str, BlockTensor]:
    """Map the tensors of a GGUF file by name, given its header."""
    import numpy

    data = numpy.memmap(path, numpy.uint8, "r")
    return {tensor.name: _map_tensor(data, header.data_offset, tensor) for tensor in header.tensors}


def _map_tensor(data: "NDArray[uint8]", start: int, tensor: GgufTensor) -> BlockTensor:
    columns, rows = tensor.shape[0], 1
    for length in tensor.shape[1:]:
        rows *= length
    start += tensor.offset
    row_bytes = tensor.length // rows if tensor.ggml_type in BLOCK_SIZES else 0
    rows_data = data[start : start + row_bytes * rows].reshape(rows, row_bytes)
    return BlockTensor((rows, columns), tensor.ggml_type, rows_data)
