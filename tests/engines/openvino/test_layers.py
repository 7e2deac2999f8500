"""The layers of a graph, each against torch's."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy
import pytest
import torch

from graphs import EXACT
from quantized import read_back
from starcoder_cli.engines.openvino.layers import AttentionHeads, GraphBuilder, Rope
from starcoder_cli.engines.openvino.quantize import Bits, in_groups
from starcoder_cli.engines.openvino.rounding import to_four_bits_and_offset
from starcoder_cli.weights.safetensors import TensorEntry
from starcoder_cli.weights.tensors import MappedTensor

if TYPE_CHECKING:
    from openvino import Node

openvino = pytest.importorskip("openvino", reason="needs OpenVINO, which has no wheel here")

HEADS = AttentionHeads(4, 2, 8)
torch.manual_seed(2)
ROWS = torch.randn(5, 32)


def builder(bits: Bits = 16, **weights: torch.Tensor) -> GraphBuilder:
    """A graph over some weights."""
    from starcoder_cli.engines.openvino.matrices import CheckpointWeights

    tensors = {}
    for name, weight in weights.items():
        numbers = weight.detach().float().numpy()
        entry = TensorEntry("F32", numbers.shape, numbers.nbytes)
        data = numpy.frombuffer(numbers.tobytes(), numpy.uint8)
        tensors[name.replace("__", ".")] = MappedTensor(entry, data)
    return GraphBuilder(CheckpointWeights(tensors, bits), HEADS)


def computed(
    graph: GraphBuilder, layer: "Callable[[Node], Node]", rows: torch.Tensor = ROWS
) -> torch.Tensor:
    """What a layer makes of some rows, at positions 3, 4, 5, ..."""
    given = openvino.opset15.parameter([-1, rows.shape[1]], openvino.Type.f32)
    model = openvino.Model([layer(given)], [given, graph.positions])
    compiled = openvino.Core().compile_model(model, "CPU", dict(EXACT))
    positions = numpy.arange(3, 3 + len(rows), dtype=numpy.int64)
    return torch.from_numpy(compiled([rows.numpy(), positions])[0].copy())


def test_norms() -> None:
    norm = torch.nn.LayerNorm(32, 1e-5)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    graph = builder(n__weight=norm.weight, n__bias=norm.bias)
    found = computed(graph, lambda rows: graph.layer_norm(rows, "n", 1e-5))
    assert torch.allclose(found, norm(ROWS), atol=1e-5)
    square = torch.nn.RMSNorm(32, 1e-6)
    square.weight = norm.weight
    found = computed(graph, lambda rows: graph.rms_norm(rows, "n", 1e-6))
    assert torch.allclose(found, square(ROWS), atol=1e-5)


@pytest.mark.parametrize("bias", [True, False])
def test_linear(bias: bool) -> None:
    linear = torch.nn.Linear(32, 7, bias=bias)
    graph = builder(**{f"l__{name}": weight for name, weight in linear.named_parameters()})
    found = computed(graph, lambda rows: graph.linear(rows, "l"))
    assert torch.allclose(found, linear(ROWS), atol=1e-5)


def test_rows_are_turned_by_their_positions() -> None:
    graph = builder()
    found = computed(graph, lambda rows: graph.rotate(rows, 4, graph.rotary_angles(Rope(100.0))))
    halves = ROWS.reshape(5, 4, 2, 4)
    turns = torch.arange(3, 8)[:, None] * 100.0 ** -(torch.arange(4) / 4)
    spun = torch.polar(torch.ones(5, 4), turns)[:, None] * torch.complex(
        halves[:, :, 0].contiguous(), halves[:, :, 1].contiguous()
    )
    expected = torch.stack([spun.real, spun.imag], 2).reshape(5, 32)
    assert torch.allclose(found, expected, atol=1e-5)


def test_pieces() -> None:
    graph = builder()
    found = computed(graph, lambda rows: graph.split(rows, [20, 12])[1])
    assert torch.equal(found, ROWS[:, 20:])
    product = computed(graph, lambda rows: graph.add(rows, graph.multiply(rows, rows)))
    assert torch.allclose(product, ROWS + ROWS * ROWS)


def test_the_one_private_name_of_openvino_is_as_it_was() -> None:
    """It promises nothing of it: an upgrade that changes it is told here before all else."""
    changed = (
        "OpenVINO has changed its node for attention over a paged cache; see GraphBuilder.attend "
        "and UNUSED_INPUTS in engines/openvino/layers.py, or keep the OpenVINO before"
    )
    ops = __import__("openvino.op", fromlist=["op"])
    assert hasattr(ops, "_PagedAttentionExtension"), changed
    graph = builder()
    rows = [openvino.opset15.parameter([-1, width], openvino.Type.f32) for width in (32, 16, 16)]
    try:
        node = graph.attend(*rows).get_node()
    except RuntimeError as error:
        pytest.fail(f"{changed}: {error}")
    assert (node.get_type_name(), node.get_input_size()) == ("PagedAttentionExtension", 28), changed


def test_a_matrix_in_four_bits_has_the_offsets_of_its_groups() -> None:
    """Those of two matrices that read the same numbers share the sums."""
    first, second = (5 + torch.randn(8, 32) for _ in range(2))
    graph = builder(4, a__weight=first, b__weight=second)
    found = computed(
        graph, lambda rows: graph.add(graph.linear(rows, "a"), graph.linear(rows, "b"))
    )
    parts = [to_four_bits_and_offset(in_groups(matrix.numpy())) for matrix in (first, second)]
    expected = sum(ROWS @ torch.from_numpy(read_back(part)).T for part in parts)
    assert torch.allclose(found, expected, rtol=1e-3, atol=1e-3)
    assert len(graph._sums) == 1
