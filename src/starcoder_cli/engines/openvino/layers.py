"""The parts of transformer models, as nodes of an OpenVINO graph over a paged KV cache.

The graph reads token ids of several texts at once, one after another along its first axis.
`PagedAttentionExtension` is OpenVINO's own node for attention over such a cache (Kwon et al. 2023).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openvino import Model, Node

    from starcoder_cli.engines.openvino.matrices import CheckpointWeights

INT_INPUTS = ("past_lens", "subsequence_begins", "block_indices", "block_indices_begins")
UNUSED_INPUTS: Sequence[tuple[str, tuple[int, ...]]] = (
    ("int32", (0,)), ("int32", (0,)), ("int32", (0,)), ("float32", (0,)), ("float32", (0,)),
    ("int32", ()), ("int32", ()), ("float32", (0, 0, 0, 0)), ("int32", ()), ("int32", (0,)),
    ("int32", (0,)), ("int32", (0,)), ("int32", (0,)), ("uint8", (0,)), ("int32", (0,)),
)  # fmt: skip
"""Inputs 13 to 27 of the attention, by type and shape: the values that switch them off."""

LOGIT_INDICES_INPUT = "sampled_tokens_indices"


@dataclass(frozen=True)
class AttentionHeads:
    """How many query heads there are, how many key and value heads, and how wide each is.

    A token sees the `window` tokens before it, or all if that is 0. Products of queries and keys
    are multiplied by `scale`, or divided by the square root of the width if that is 0.
    """

    queries: int
    keys: int
    size: int
    window: int = 0
    scale: float = 0


@dataclass(frozen=True)
class Rope:
    """Rotary positions: their base, their divisor, and the share of a head that rotates."""

    base: float = 10000.0
    divisor: float = 1.0
    share: float = 1.0


class GraphBuilder:
    """The inputs of a graph, and the layers stacked on top of them."""

    def __init__(self, weights: "CheckpointWeights", heads: AttentionHeads) -> None:
        from openvino import Type

        self.weights, self.heads = weights, heads
        self._inputs: list[Node] = []
        self.ids = self._input("input_ids", [-1], Type.i64)
        self.positions = self._input("position_ids", [-1], Type.i64)
        self._tables = [self._input(name, [-1], Type.i32) for name in INT_INPUTS]
        self._longest = self._input("max_context_len", [], Type.i32)
        self._logit_indices = self._input(LOGIT_INDICES_INPUT, [-1], Type.i64)
        self._layers = 0
        self._sums: dict[tuple[str, int, int], Node] = {}

    def embed(self, name: str, indices: "Node | None" = None) -> "Node":
        """The rows of a table for the token ids, or for other indices."""
        return self.weights.rows(name, self.ids if indices is None else indices)

    def add(self, hidden: "Node", other: "Node") -> "Node":
        """The sum of two nodes, such as a layer's output and its input."""
        from openvino import opset15

        return opset15.add(hidden, other)

    def scale(self, hidden: "Node", factor: float) -> "Node":
        """All numbers times a factor."""
        return hidden if factor == 1 else self.multiply(hidden, number(factor))

    def multiply(self, hidden: "Node", other: "Node") -> "Node":
        """The elementwise product, such as of a gate and what it lets through."""
        from openvino import opset15

        return opset15.multiply(hidden, other)

    def layer_norm(self, hidden: "Node", name: str, epsilon: float) -> "Node":
        """Normalize to mean 0 and variance 1, then scale and shift (Ba et al. 2016)."""
        from openvino import opset15

        normed = opset15.mvn(hidden, integer([-1]), True, epsilon, "INSIDE_SQRT")
        return self._shift(opset15.multiply(normed, self.weights.vector(f"{name}.weight")), name)

    def rms_norm(self, hidden: "Node", name: str, epsilon: float, offset: float = 0) -> "Node":
        """Scale to mean square 1 (Zhang and Sennrich 2019), then by the weights plus `offset`."""
        from openvino import opset15

        square = opset15.reduce_mean(opset15.multiply(hidden, hidden), integer([-1]), True)
        root = opset15.sqrt(opset15.add(square, number(epsilon)))
        factors = self.weights.vector(f"{name}.weight")
        factors = opset15.add(factors, number(offset)) if offset else factors
        return opset15.multiply(opset15.divide(hidden, root), factors)

    def linear(self, hidden: "Node", name: str) -> "Node":
        """Multiply by a matrix, and add the bias if the checkpoint has one."""
        from openvino import opset15

        product = opset15.matmul(hidden, self.weights.matrix(f"{name}.weight"), False, True)
        if (offsets := self.weights.offsets(f"{name}.weight")) is not None:
            groups = offsets.output(0).get_shape()[1]
            sums = self._group_sums(hidden, groups)
            product = opset15.add(product, opset15.matmul(sums, offsets, False, True))
        return self._shift(product, name)

    def split(self, hidden: "Node", widths: Sequence[int]) -> "list[Node]":
        """Split the last axis into pieces."""
        from openvino import opset15

        pieces = opset15.variadic_split(hidden, integer(-1), integer(list(widths)))
        return list(pieces.outputs())

    def per_head(self, hidden: "Node", heads: int) -> "Node":
        """Reshape to [tokens, heads, size]."""
        from openvino import opset15

        return opset15.reshape(hidden, integer([-1, heads, self.heads.size]), False)

    def rotate(self, hidden: "Node", heads: int, angles: "tuple[Node, Node]") -> "Node":
        """Rotate queries or keys by their positions (RoPE, Su et al. 2021), pairing the two halves.

        Of a head that rotates in part, the first numbers do.
        """
        from openvino import opset15

        cosines, sines = angles
        size = cosines.output(0).get_partial_shape()[2].get_length()
        turning, *others = self.split(
            self.per_head(hidden, heads), [each for each in (size, self.heads.size - size) if each]
        )
        first, second = self.split(turning, [size // 2] * 2)
        turned = opset15.concat([opset15.negative(second), first], -1)
        rotated = opset15.add(opset15.multiply(turning, cosines), opset15.multiply(turned, sines))
        whole = opset15.concat([rotated, *others], -1) if others else rotated
        return opset15.reshape(whole, integer([-1, heads * self.heads.size]), False)

    def rotary_angles(self, rope: Rope) -> "tuple[Node, Node]":
        """Cosines and sines of each token's position, of shape [tokens, 1, rotated numbers]."""
        import numpy
        from openvino import opset15

        size = int(self.heads.size * rope.share)
        half = numpy.arange(0, size, 2, dtype=numpy.float64) / size
        frequencies = (rope.base**-half / rope.divisor).astype(numpy.float32)
        positions = opset15.convert(opset15.unsqueeze(self.positions, integer([1, 2])), "f32")
        angles = opset15.multiply(positions, opset15.constant(numpy.tile(frequencies, 2)))
        return opset15.cos(angles), opset15.sin(angles)

    def attend(self, query: "Node", key: "Node", value: "Node") -> "Node":
        """Attend from each token to those before it, in the next layer's part of the cache."""
        from openvino import Type
        from openvino.op import _PagedAttentionExtension

        heads = self.heads
        caches = [
            self._input(f"{name}_cache.{self._layers}", [-1, -1, -1, -1], Type.dynamic)
            for name in ("key", "value")
        ]
        self._layers += 1
        nodes = [
            *(*caches, *self._tables),
            *(number(heads.scale or heads.size**-0.5), constant("int32", (), heads.window)),
            *(constant("float32", (0,)), self._longest),
            *(constant(kind, shape) for kind, shape in UNUSED_INPUTS),
        ]
        attention = _PagedAttentionExtension(
            [as_output(each) for each in (query, key, value, *nodes)]
        )
        sizes = {"num_k_heads": heads.keys, "num_v_heads": heads.keys}
        for name, count in {**sizes, "k_head_size": heads.size, "v_head_size": heads.size}.items():
            attention.get_rt_info()[name] = count
        return attention.output(0)

    def wanted(self, hidden: "Node") -> "Node":
        """The rows of the tokens whose logits are asked for."""
        from openvino import opset15

        return opset15.gather(hidden, self._logit_indices, integer(0))

    def model(self, hidden: "Node", head: str) -> "Model":
        """The graph, whose output is the logits of shape [wanted tokens, 1, vocabulary]."""
        from openvino import Model, opset15

        logits = self.linear(hidden, head)
        return Model([opset15.unsqueeze(logits, integer(1))], self._inputs)

    def _group_sums(self, hidden: "Node", groups: int) -> "Node":
        """The sums of `groups` groups in each row, shared by all matrices that read the row."""
        from openvino import opset15

        output = as_output(hidden)
        key = (output.get_node().get_friendly_name(), output.get_index(), groups)
        if key not in self._sums:
            size = output.get_partial_shape()[1].get_length() // groups
            grouped = opset15.reshape(hidden, integer([-1, groups, size]), False)
            self._sums[key] = opset15.reduce_sum(grouped, integer([-1]), False)
        return self._sums[key]

    def _shift(self, hidden: "Node", name: str) -> "Node":
        from openvino import opset15

        bias = f"{name}.bias"
        if bias not in self.weights:
            return hidden
        return opset15.add(hidden, self.weights.vector(bias))

    def _input(self, name: str, shape: Sequence[int], kind: Any) -> "Node":
        from openvino import PartialShape, opset15

        node = opset15.parameter(PartialShape(list(shape)), kind)
        node.output(0).get_tensor().set_names({name})
        node.set_friendly_name(name)
        self._inputs.append(node)
        return node


def as_output(node: Any) -> Any:
    """The output of a node that has one."""
    return node.output(0) if hasattr(node, "output") else node


def integer(value: int | Sequence[int]) -> "Node":
    """A constant of whole numbers, such as an axis or a shape."""
    import numpy
    from openvino import opset15

    return opset15.constant(numpy.array(value, numpy.int64))


def number(value: float) -> "Node":
    """A float constant."""
    return constant("float32", (), value)


def constant(kind: str, shape: tuple[int, ...], value: float = 0) -> "Node":
    """A constant filled with one value."""
    import numpy
    from openvino import opset15

    return opset15.constant(numpy.full(shape, value, kind))
