"""A model cut in two between its layers: both halves are compiled at the same time.

Compiling is some hundred passes over all nodes, one after the other on one core.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openvino import Model, Node

ATTENTION, HIDDEN, CACHE = "PagedAttentionExtension", "hidden", "key_cache."


def halved(model: "Model") -> "list[Model]":
    """The model's two halves, of which the second reads `hidden`, what the first one gives.

    The model itself where it has no place that all of its layers' numbers go through.
    """
    from openvino import Model, opset15

    order = model.get_ordered_ops()
    cut = waist(order)
    if cut is None:
        return [model]
    through = cut.output(0)
    readers = through.get_target_inputs()
    hidden = opset15.parameter(through.get_partial_shape(), through.get_element_type(), HIDDEN)
    hidden.output(0).get_tensor().set_names({HIDDEN})
    for reader in readers:
        reader.replace_source_output(hidden.output(0))
    first, second = [opset15.result(through)], model.get_results()
    inputs = [parameters(results) for results in (first, second)]
    if caches(inputs[0]) & caches(inputs[1]):  # a layer that both halves would compute
        for reader in readers:
            reader.replace_source_output(through)
        return [model]
    return [Model(first, inputs[0], "first"), Model(second, inputs[1], "second")]


def waist(order: "Sequence[Node]") -> "Node | None":
    """A node in the middle of the layers that the numbers of all layers before it go through.

    Looked at are those from the attention before the middle one to the attention behind it: what
    the former gives has to reach nothing behind the middle when the node is taken away.
    """
    attention = [at for at, node in enumerate(order) if node.get_type_name() == ATTENTION]
    middle = len(attention) // 2
    if middle < 2 or middle + 1 >= len(attention):
        return None
    begin, before, last, end = attention[middle - 2 : middle + 2]
    place = {node.get_name(): at for at, node in enumerate(order)}
    window = range(begin + 1, end + 1)
    sources = {at: {place[source.get_name()] for source in read(order[at])} for at in window}

    def bypassed(without: int) -> bool:
        reached = {begin}
        for at in window:
            if at != without and not reached.isdisjoint(sources[at]):
                reached.add(at)
        return max(reached) >= last

    return next((order[at] for at in range(last - 1, before, -1) if not bypassed(at)), None)


def read(node: "Node") -> "Iterator[Node]":
    """The nodes that a node reads from."""
    return (each.get_source_output().get_node() for each in node.inputs())


def parameters(results: "Sequence[Node]") -> "list[Node]":
    """The parameters that some results depend on."""
    found: list[Node] = []
    waiting, seen = list(results), set[str]()
    while waiting:
        node = waiting.pop()
        if node.get_name() not in seen:
            seen.add(node.get_name())
            waiting += read(node)
            if node.get_type_name() == "Parameter":
                found.append(node)
    return found


def caches(inputs: "Sequence[Node]") -> set[str]:
    """The names of the KV caches among some parameters."""
    names = (node.output(0).get_tensor().get_any_name() for node in inputs)
    return {name for name in names if name.startswith(CACHE)}
