"""Matrices in eight bits, and as their files have them."""

from pathlib import Path

import numpy
import pytest
import torch
from safetensors.torch import save_file

from starcoder_cli.engines.openvino.matrices import ROWS_AT_ONCE, CheckpointWeights, quantize_rows
from starcoder_cli.weights.tensors import MappedTensor, map_tensors

openvino = pytest.importorskip("openvino", reason="needs OpenVINO, which has no wheel here")


def mapped(tmp_path: Path, numbers: torch.Tensor) -> MappedTensor:
    """A tensor in a file."""
    save_file({"w": numbers}, tmp_path / "model.safetensors")
    return map_tensors([tmp_path / "model.safetensors"])["w"]


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float32])
def test_each_number_is_within_half_a_step_of_its_row(kind: torch.dtype, tmp_path: Path) -> None:
    torch.manual_seed(0)
    numbers = torch.randn(2 * ROWS_AT_ONCE + 3, 16).to(kind)
    numbers[5] = 0
    numbers[6] *= 100
    tensor = mapped(tmp_path, numbers)
    found, scales = quantize_rows(tensor)
    assert found.dtype == numpy.int8 and abs(found.astype(int)).max(1).min() in (0, 127)
    error = abs(found * scales.astype(numpy.float32) - tensor.floats())
    assert (error <= 0.51 * scales.astype(numpy.float32) + 1e-7).all()


def test_a_matrix_that_is_used_twice_is_one_node(tmp_path: Path) -> None:
    tensors = {"w": mapped(tmp_path, torch.randn(4, 8))}
    weights = CheckpointWeights(tensors)
    assert weights.matrix("w") is weights.matrix("w")
    assert "w" in weights and "v" not in weights
    assert weights.vector("w").data.shape == (4, 8)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float32])
def test_an_exact_matrix_is_read_from_its_file(kind: torch.dtype, tmp_path: Path) -> None:
    tensors = {"w": mapped(tmp_path, torch.randn(4, 8).to(kind))}
    node = CheckpointWeights(tensors, is_exact=True).matrix("w")
    model = openvino.Model([node], [])
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    assert numpy.array_equal(compiled([])[0], tensors["w"].floats())
