"""The weights of a checkpoint as constants of a graph: matrices in few bits, vectors in 32.

OpenVINO does not unpack a quantized matrix that is built like `quantized_node`: the kernels read
its bits themselves.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from starcoder_cli.engines.openvino.quantize import Bits, form_in_bits, quantize
from starcoder_cli.engines.openvino.rounding import QuantizedMatrix
from starcoder_cli.errors import DataError
from starcoder_cli.weights.model_config import REFETCH
from starcoder_cli.weights.tensors import MappedTensor

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from openvino import Node

SCALES, ZEROS, OFFSETS = ".scales", ".zeros", ".offsets"
"""The suffixes of the names of a matrix's other parts in the files of a prepared model."""


class CheckpointWeights:
    """The tensors of a checkpoint by name, as nodes; a matrix that is used twice is one node."""

    def __init__(self, tensors: Mapping[str, MappedTensor], bits: Bits = 8) -> None:
        """Matrices are held in `bits` bits.

        Those already quantized in their file stay as they are and are read from there.
        """
        self._tensors, self._bits = tensors, bits
        self._matrices: dict[str, Node] = {}
        self._offsets: dict[str, Node] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._tensors

    def vector(self, name: str) -> "Node":
        """A bias or the factors of a norm."""
        from openvino import opset15

        return opset15.constant(self._find(name).floats())

    def rows(self, name: str, indices: "Node") -> "Node":
        """Some rows of a matrix, which its file stores in eight bits or unquantized."""
        from openvino import opset15

        axis = opset15.constant(0)
        stored = self._stored(name)
        if not stored:
            return opset15.gather(own_matrix(self._find(name)), indices, axis)
        assert stored.zeros is None
        numbers, scales = (
            opset15.convert(opset15.gather(shared_constant(each), indices, axis), "f32")
            for each in (stored.numbers, stored.scales)
        )
        _, groups, size = stored.numbers.shape
        return flat_rows(opset15.multiply(numbers, scales), -1, groups * size)

    def matrix(self, name: str) -> "Node":
        """A matrix of shape [out, in], without its offsets."""
        from openvino import opset15

        if name not in self._matrices:
            stored = self._stored(name)
            if stored is None and self._bits < 16:
                tensor = self._find(name)
                stored = quantize(tensor, form_in_bits(name, tensor, self._bits))
            node = quantized_node(stored) if stored else own_matrix(self._find(name))
            self._matrices[name] = node
            if stored and stored.offsets is not None:
                offsets = opset15.convert(shared_constant(stored.offsets), "f32")
                self._offsets[name] = offsets
        return self._matrices[name]

    def offsets(self, name: str) -> "Node | None":
        """The offsets of a matrix's groups, of shape [out, groups], or None if it has none."""
        self.matrix(name)
        return self._offsets.get(name)

    def _find(self, name: str) -> MappedTensor:
        """A tensor; raises DataError if the checkpoint lacks it."""
        if name not in self._tensors:
            raise DataError(f"the checkpoint lacks the weights {name!r}", REFETCH)
        return self._tensors[name]

    def _stored(self, name: str) -> QuantizedMatrix | None:
        """A matrix quantized in its file, or None if it is not quantized there."""
        if name + SCALES not in self._tensors:
            return None
        zeros, offsets = (
            self._find(name + part).numbers() if name + part in self._tensors else None
            for part in (ZEROS, OFFSETS)
        )
        return QuantizedMatrix(
            self._find(name).numbers(), self._find(name + SCALES).numbers(), zeros, offsets
        )


def own_matrix(tensor: MappedTensor) -> "Node":
    """A matrix as stored in its file."""
    from openvino import opset15

    kinds = {"BF16": "bf16", "F16": "f16", "F32": "f32", "F64": "f64"}
    kind = kinds[tensor.entry.dtype]
    constant = shared_constant(tensor.data, tensor.shape, kind)
    return constant if kind == "f32" else opset15.convert(constant, "f32")


def quantized_node(matrix: QuantizedMatrix) -> "Node":
    """A quantized matrix without its offsets, of shape [out, in]."""
    import numpy
    from openvino import opset15

    rows, groups, size = matrix.numbers.shape
    if matrix.numbers.dtype == numpy.uint8:
        size *= 2
        numbers = shared_constant(matrix.numbers, (rows, groups, size), "u4")
    else:
        numbers = shared_constant(matrix.numbers)
    node = opset15.convert(numbers, "f16")
    if matrix.zeros is not None:
        node = opset15.subtract(node, opset15.convert(shared_constant(matrix.zeros), "f16"))
    node = opset15.multiply(node, shared_constant(matrix.scales))
    return opset15.convert(flat_rows(node, rows, groups * size), "f32")


def shared_constant(array: "NDArray[Any]", shape: Sequence[int] = (), kind: str = "") -> "Node":
    """A constant that reads an array, with another shape and type if these are given.

    The numbers of a file must stay mapped as long as the constant exists.
    """
    from openvino import Shape, Tensor, Type
    from openvino.op import Constant

    element = getattr(Type, kind) if kind else Type(array.dtype)
    dimensions = Shape(list(shape or array.shape))
    if not array.flags.writeable:
        return Constant(Tensor(array, dimensions, element), shared_memory=True)
    tensor = Tensor(element, dimensions)  # unlike one over an array, it keeps its numbers
    tensor.data.reshape(-1)[:] = array.reshape(-1)
    return Constant(tensor, shared_memory=True)


def flat_rows(node: "Node", rows: int, columns: int) -> "Node":
    """Flatten rows of groups into rows of numbers."""
    import numpy
    from openvino import opset15

    return opset15.reshape(node, opset15.constant(numpy.array([rows, columns])), False)
