"""A model in OpenVINO's form with fewer nodes, which computes the same.

Each time a model is loaded some hundred passes go over all of its nodes. What reads GGUF files
writes the shapes, the axes and the zero points of each layer anew: two fifths of all nodes are
equal to others.
"""

import errno
import os
import shutil
from collections.abc import Hashable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openvino import Model, Node

UNIQUE_OPS = {"Parameter", "Result", "ReadValue", "Assign", "RandomUniform", "Multinomial"}
SUBGRAPH_OPS = {"If", "Loop", "TensorIterator"}
"""Nodes that are not the same as others that look like them, or may have another body."""

UINT8_MIDPOINT = 128
"""The zero of unsigned weights that are as often negative as positive."""


def simplify_model(path: Path) -> None:
    """Rewrite a model with each of its nodes once.

    Raises RuntimeError where OpenVINO cannot, OSError where the disk has no room for a second one.
    """
    from openvino import Core, serialize

    model = Core().read_model(path)
    if shutil.disk_usage(path.parent).free < path.with_suffix(".bin").stat().st_size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))  # OpenVINO would not say
    make_weights_signed(model)
    deduplicate_nodes(model)
    draft = path.with_name(f"{path.stem}.part.xml")
    serialize(model, draft)
    del model  # which reads from the file of weights
    for source, target in ((draft.with_suffix(".bin"), path.with_suffix(".bin")), (draft, path)):
        source.replace(target)


def make_weights_signed(model: "Model") -> None:
    """Let weights of eight bits whose zero is in their middle be signed, without a zero point.

    They are the same numbers, and there is less to compute for each.
    """
    import numpy
    from openvino import Type, opset15

    for node in model.get_ordered_ops():
        if node.get_type_name() != "Subtract":
            continue
        weights, zeros = (
            converted_constant(port.get_source_output().get_node()) for port in node.inputs()
        )
        if weights is None or zeros is None or weights.get_element_type() != Type.u8:
            continue
        if (zeros.data == UINT8_MIDPOINT).all():
            signed = opset15.constant((weights.data ^ UINT8_MIDPOINT).view(numpy.int8))
            converted = opset15.convert(signed, node.output(0).get_element_type().to_string())
            for reader in node.output(0).get_target_inputs():
                reader.replace_source_output(converted.output(0))
    model.validate_nodes_and_infer_types()


def converted_constant(node: "Node") -> Any:
    """The constant that a Convert node reads; None for any other node."""
    if node.get_type_name() != "Convert":
        return None
    source = node.input(0).get_source_output().get_node()
    return source if source.get_type_name() == "Constant" else None


def deduplicate_nodes(model: "Model") -> None:
    """Let what reads from a node read from an equal one before it, or from what it only repeats."""
    first_nodes: dict[Hashable, Node] = {}
    for node in model.get_ordered_ops():
        kind = node.get_type_name()
        if kind in UNIQUE_OPS | SUBGRAPH_OPS or len(node.outputs()) != 1:
            continue
        if is_noop_convert(node):
            source = node.input(0).get_source_output()
        else:
            source = first_nodes.setdefault(node_key(node), node).output(0)
        if source.get_node().get_name() != node.get_name():
            for reader in node.output(0).get_target_inputs():
                reader.replace_source_output(source)
    model.validate_nodes_and_infer_types()


def is_noop_convert(node: "Node") -> bool:
    """Whether a node gives what it is given: a conversion to the type that its input has."""
    if node.get_type_name() != "Convert":
        return False
    return bool(node.input(0).get_element_type() == node.output(0).get_element_type())


def node_key(node: "Node") -> Hashable:
    """What two nodes have in common that give the same."""
    kind, version = node.get_type_name(), node.get_type_info().version_id
    shape, element = node.output(0).get_partial_shape(), node.output(0).get_element_type()
    if kind == "Constant":
        return kind, str(element), str(shape), sha256(node.data).digest()
    attributes = repr(sorted((name, str(value)) for name, value in node.get_attributes().items()))
    outputs = (each.get_source_output() for each in node.inputs())
    sources = tuple((each.get_node().get_name(), each.get_index()) for each in outputs)
    return kind, version, attributes, sources


ATTENTION_OP, HIDDEN_TENSOR, KEY_CACHE_PREFIX = "PagedAttentionExtension", "hidden", "key_cache."


def split_model(model: "Model", attention_op: str = ATTENTION_OP) -> "list[Model]":
    """The model's two halves, of which the second reads `hidden`, what the first one gives.

    `attention_op` is the type of the nodes that stand for a layer each. The model itself where it
    has no place that all of its layers' numbers go through.
    """
    from openvino import Model, opset15

    nodes = model.get_ordered_ops()
    split_node = find_split_point(nodes, attention_op)
    if split_node is None:
        return [model]
    split_output = split_node.output(0)
    readers = split_output.get_target_inputs()
    hidden = opset15.parameter(
        split_output.get_partial_shape(), split_output.get_element_type(), HIDDEN_TENSOR
    )
    hidden.output(0).get_tensor().set_names({HIDDEN_TENSOR})
    for reader in readers:
        reader.replace_source_output(hidden.output(0))
    first, second = [opset15.result(split_output)], model.get_results()
    inputs = [find_parameters(results) for results in (first, second)]
    if cache_names(inputs[0]) & cache_names(inputs[1]):  # a layer that both halves would compute
        for reader in readers:
            reader.replace_source_output(split_output)
        return [model]
    return [Model(first, inputs[0], "first"), Model(second, inputs[1], "second")]


def find_split_point(nodes: "Sequence[Node]", attention_op: str) -> "Node | None":
    """A node in the middle of the layers that the numbers of all layers before it go through.

    Looked at are those from the attention before the middle one to the attention behind it: what
    the former gives has to reach nothing behind the middle when the node is taken away.
    """
    attention = [index for index, node in enumerate(nodes) if node.get_type_name() == attention_op]
    middle = len(attention) // 2
    if middle < 2 or middle + 1 >= len(attention):
        return None
    window_start, lower_attention, upper_attention, window_end = attention[middle - 2 : middle + 2]
    positions = {node.get_name(): index for index, node in enumerate(nodes)}
    window = range(window_start + 1, window_end + 1)
    sources = {
        index: {positions[source.get_name()] for source in input_nodes(nodes[index])}
        for index in window
    }

    def is_bypassed(removed: int) -> bool:
        reached = {window_start}
        for index in window:
            if index != removed and not reached.isdisjoint(sources[index]):
                reached.add(index)
        return max(reached) >= upper_attention

    return next(
        (
            nodes[index]
            for index in range(upper_attention - 1, lower_attention, -1)
            if not is_bypassed(index)
        ),
        None,
    )


def input_nodes(node: "Node") -> "Iterator[Node]":
    """The nodes that a node reads from."""
    return (each.get_source_output().get_node() for each in node.inputs())


def find_parameters(results: "Sequence[Node]") -> "list[Node]":
    """The parameters that some results depend on."""
    parameters: list[Node] = []
    pending, seen = list(results), set[str]()
    while pending:
        node = pending.pop()
        if node.get_name() not in seen:
            seen.add(node.get_name())
            pending += input_nodes(node)
            if node.get_type_name() == "Parameter":
                parameters.append(node)
    return parameters


def cache_names(inputs: "Sequence[Node]") -> set[str]:
    """The names of the KV caches among some parameters."""
    names = (node.output(0).get_tensor().get_any_name() for node in inputs)
    return {name for name in names if name.startswith(KEY_CACHE_PREFIX)}
