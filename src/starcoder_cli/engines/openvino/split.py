"""Splits a graph in two halves that are compiled at the same time."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openvino import Model, Node

ATTENTION_OP, HIDDEN_TENSOR, KEY_CACHE_PREFIX = "PagedAttentionExtension", "hidden", "key_cache."


def split_model(model: "Model", attention_op: str = ATTENTION_OP) -> "list[Model]":
    """Split a model in two halves; the second reads `hidden`, the output of the first.

    `attention_op` is the type of the node that occurs once in each layer. Returns the model itself
    if it has no point that the numbers of all its layers pass through.
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
    """A node in the middle of the layers that the numbers of all layers before it pass through.

    The candidates are between the attention before the middle one and the one after it: with the
    node removed, nothing after the middle may depend on the former.
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
