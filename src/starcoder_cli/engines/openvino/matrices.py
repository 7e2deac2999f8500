"""The weights of a checkpoint as constants of a graph: matrices in eight bits, vectors in 32.

A matrix in eight bits has a scale for each row, so that its largest number is 127. What multiplies
with one in the way of `matrix` is not unpacked by OpenVINO: the kernels read the bytes themselves.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from starcoder_cli.errors import DataError
from starcoder_cli.weights.model_config import REFETCH
from starcoder_cli.weights.safetensors import TensorEntry
from starcoder_cli.weights.tensors import MappedTensor

if TYPE_CHECKING:
    from numpy import float16, int8
    from numpy.typing import NDArray
    from openvino import Node

ROWS_AT_ONCE = 1 << 10
"""So many rows of a matrix are brought to 32 bits at a time."""

THREADS = 2


class CheckpointWeights:
    """The tensors of a checkpoint by name, as nodes; a matrix that is used twice is one node."""

    def __init__(self, tensors: Mapping[str, MappedTensor], *, is_exact: bool = False) -> None:
        """Matrices that are `is_exact` stay as they are in the file, and are read from there."""
        self._tensors = tensors
        self._build = own_matrix if is_exact else eight_bit_matrix
        self._matrices: dict[str, Node] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._tensors

    def vector(self, name: str) -> "Node":
        """A bias or the factors of a norm."""
        from openvino import opset15

        return opset15.constant(self._find(name).floats())

    def table(self, name: str) -> "Node":
        """A matrix of which some rows are looked up, as its file has it: most are never read."""
        return own_matrix(self._find(name))

    def matrix(self, name: str) -> "Node":
        """A matrix of shape [out, in]."""
        if name not in self._matrices:
            self._matrices[name] = self._build(self._find(name))
        return self._matrices[name]

    def _find(self, name: str) -> MappedTensor:
        """A tensor; DataError where the checkpoint lacks it."""
        if name not in self._tensors:
            raise DataError(f"the checkpoint lacks the weights {name!r}", REFETCH)
        return self._tensors[name]


def own_matrix(tensor: MappedTensor) -> "Node":
    """A matrix as its file has it."""
    from openvino import Shape, Tensor, Type, opset15
    from openvino.op import Constant

    kinds = {"BF16": Type.bf16, "F16": Type.f16, "F32": Type.f32, "F64": Type.f64}
    shape, kind = Shape(list(tensor.entry.shape)), kinds[tensor.entry.dtype]
    constant = Constant(Tensor(tensor.data, shape, kind), shared_memory=True)
    return constant if kind == Type.f32 else opset15.convert(constant, "f32")


def eight_bit_matrix(tensor: MappedTensor) -> "Node":
    """A matrix in eight bits, with the scale of each row."""
    from openvino import opset15
    from openvino.op import Constant

    numbers, scales = quantize_rows(tensor)
    converted = opset15.convert(Constant(numbers, shared_memory=True), "f16")
    scaled = opset15.multiply(converted, opset15.constant(scales))
    return opset15.convert(scaled, "f32")


def quantize_rows(tensor: MappedTensor) -> "tuple[NDArray[int8], NDArray[float16]]":
    """A matrix in eight bits, and the scale of each row, of shape [rows, 1]."""
    import numpy

    rows, columns = tensor.entry.shape
    numbers = numpy.empty((rows, columns), numpy.int8)
    scales = numpy.empty((rows, 1), numpy.float16)
    row_bytes = tensor.entry.byte_count // rows

    def quantize(first: int) -> None:
        count = min(ROWS_AT_ONCE, rows - first)
        piece = MappedTensor(
            TensorEntry(tensor.entry.dtype, (count, columns), count * row_bytes),
            tensor.data[first * row_bytes : (first + count) * row_bytes],
        ).floats()
        scale = (numpy.abs(piece).max(1, keepdims=True) / 127).astype(numpy.float16)
        scale[scale == 0] = 1
        piece /= scale.astype(numpy.float32)
        numbers[first : first + count] = numpy.rint(piece, out=piece).clip(-127, 127)
        scales[first : first + count] = scale

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(quantize, range(0, rows, ROWS_AT_ONCE)))
    return numbers, scales
