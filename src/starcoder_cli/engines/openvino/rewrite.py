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

OWN = {"Parameter", "Result", "ReadValue", "Assign", "RandomUniform", "Multinomial"}
BODIES = {"If", "Loop", "TensorIterator"}
"""What is not the same as another one that looks like it, or may have another body."""

MIDDLE = 128
"""The zero of unsigned weights that are as often negative as positive."""


def compact(path: Path) -> None:
    """Rewrite a model with each of its nodes once.

    Raises RuntimeError where OpenVINO cannot, OSError where the disk has no room for a second one.
    """
    from openvino import Core, serialize

    model = Core().read_model(path)
    if shutil.disk_usage(path.parent).free < path.with_suffix(".bin").stat().st_size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))  # OpenVINO would not say
    center(model)
    share(model)
    draft = path.with_name(f"{path.stem}.part.xml")
    serialize(model, draft)
    del model  # which reads from the file of weights
    for made, to in ((draft.with_suffix(".bin"), path.with_suffix(".bin")), (draft, path)):
        made.replace(to)


def center(model: "Model") -> None:
    """Let weights of eight bits whose zero is in their middle be signed, without a zero point.

    They are the same numbers, and there is less to compute for each.
    """
    import numpy
    from openvino import Type, opset15

    for node in model.get_ordered_ops():
        if node.get_type_name() != "Subtract":
            continue
        weights, zeros = (constant(read.get_source_output().get_node()) for read in node.inputs())
        if weights is None or zeros is None or weights.get_element_type() != Type.u8:
            continue
        if (zeros.data == MIDDLE).all():
            signed = opset15.constant((weights.data ^ MIDDLE).view(numpy.int8))
            wide = opset15.convert(signed, node.output(0).get_element_type().to_string())
            for reader in node.output(0).get_target_inputs():
                reader.replace_source_output(wide.output(0))
    model.validate_nodes_and_infer_types()


def constant(node: "Node") -> Any:
    """The constant that a conversion converts; None for any other node."""
    if node.get_type_name() != "Convert":
        return None
    source = node.input(0).get_source_output().get_node()
    return source if source.get_type_name() == "Constant" else None


def share(model: "Model") -> None:
    """Let what reads from a node read from an equal one before it, or from what it only repeats."""
    first: dict[Hashable, Node] = {}
    for node in model.get_ordered_ops():
        kind = node.get_type_name()
        if kind in OWN | BODIES or len(node.outputs()) != 1:
            continue
        if repeats(node):
            source = node.input(0).get_source_output()
        else:
            source = first.setdefault(likeness(node), node).output(0)
        if source.get_node().get_name() != node.get_name():
            for reader in node.output(0).get_target_inputs():
                reader.replace_source_output(source)
    model.validate_nodes_and_infer_types()


def repeats(node: "Node") -> bool:
    """Whether a node gives what it is given: a conversion to the type that its input has."""
    if node.get_type_name() != "Convert":
        return False
    return bool(node.input(0).get_element_type() == node.output(0).get_element_type())


def likeness(node: "Node") -> Hashable:
    """What two nodes have in common that give the same."""
    kind, version = node.get_type_name(), node.get_type_info().version_id
    shape, element = node.output(0).get_partial_shape(), node.output(0).get_element_type()
    if kind == "Constant":
        return kind, str(element), str(shape), sha256(node.data).digest()
    attributes = repr(sorted((name, str(value)) for name, value in node.get_attributes().items()))
    read = (each.get_source_output() for each in node.inputs())
    sources = tuple((each.get_node().get_name(), each.get_index()) for each in read)
    return kind, version, attributes, sources


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
