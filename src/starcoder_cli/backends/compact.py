"""A model in OpenVINO's form with fewer nodes, which computes the same.

Each time a model is loaded some hundred passes go over all of its nodes. What reads GGUF files
writes the shapes, the axes and the zero points of each layer anew: two fifths of all nodes are
equal to others.
"""

import errno
import os
import shutil
from collections.abc import Hashable
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
