"""Matrices in eight bits, and as their files have them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from safetensors.torch import save_file

from graphs import EXACT
from quantized import read_back
from starcoder_cli.engines.openvino.matrices import (
    OFFSETS,
    SCALES,
    ZEROS,
    CheckpointWeights,
)
from starcoder_cli.engines.openvino.quantize import (
    Bits,
    Form,
    form_in_bits,
    quantize,
)
from starcoder_cli.weights.tensors import MappedTensor, map_tensors

openvino = pytest.importorskip("openvino", reason="needs OpenVINO, which has no wheel here")


def mapped(tmp_path: Path, numbers: torch.Tensor) -> MappedTensor:
    """A tensor in a file."""
    save_file({"w": numbers}, tmp_path / "model.safetensors")
    return map_tensors([tmp_path / "model.safetensors"])["w"]


def test_a_matrix_that_is_used_twice_is_one_node(tmp_path: Path) -> None:
    tensors = {"w": mapped(tmp_path, torch.randn(4, 8))}
    weights = CheckpointWeights(tensors)
    assert weights.matrix("w") is weights.matrix("w")
    assert "w" in weights and "v" not in weights
    assert weights.vector("w").data.shape == (4, 8)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float32])
def test_an_exact_matrix_is_read_from_its_file(kind: torch.dtype, tmp_path: Path) -> None:
    tensors = {"w": mapped(tmp_path, torch.randn(4, 8).to(kind))}
    node = CheckpointWeights(tensors, bits=16).matrix("w")
    model = openvino.Model([node], [])
    compiled = openvino.Core().compile_model(model, "CPU", dict(EXACT))
    assert numpy.array_equal(compiled([])[0], tensors["w"].floats())


@pytest.mark.parametrize(
    ("form", "columns"), [("eight", 48), ("eight", 64), ("four and offset", 64)]
)
def test_a_matrix_that_is_quantized_in_its_file(form: Form, columns: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    matrix = quantize(mapped(tmp_path, torch.randn(40, columns)), form)
    arrays = {
        **{"w": matrix.numbers, f"w{SCALES}": matrix.scales},
        **{f"w{ZEROS}": matrix.zeros, f"w{OFFSETS}": matrix.offsets},
    }
    stored = {name: torch.from_numpy(array) for name, array in arrays.items() if array is not None}
    save_file(stored, tmp_path / "stored.safetensors")
    weights = CheckpointWeights(map_tensors([tmp_path / "stored.safetensors"]), bits=16)
    found = computed([weights.matrix("w")])
    without_offsets = read_back(replace(matrix, offsets=None))
    assert numpy.allclose(found, without_offsets, rtol=1e-3, atol=1e-4)
    offsets = weights.offsets("w")
    assert (offsets is None) == (matrix.offsets is None) == (form == "eight")
    if offsets is not None and matrix.offsets is not None:
        assert numpy.array_equal(computed([offsets]), matrix.offsets)
    if form == "eight":
        rows = weights.rows("w", openvino.opset15.constant(numpy.array([3, 39, 3])))
        assert numpy.array_equal(computed([rows]), read_back(matrix)[[3, 39, 3]])


@pytest.mark.parametrize(("bits", "form"), [(8, "eight"), (4, "four and offset")])
def test_a_matrix_that_is_quantized_when_it_is_loaded(
    bits: Bits, form: Form, tmp_path: Path
) -> None:
    """The constants keep what nobody else does."""
    tensor = mapped(tmp_path, torch.randn(40, 64))
    node = CheckpointWeights({"w": tensor}, bits).matrix("w")
    others = [numpy.full((40, 64), at, numpy.uint8) for at in range(200)]
    expected = read_back(replace(quantize(tensor, form), offsets=None))
    assert numpy.allclose(computed([node]), expected, rtol=1e-3, atol=1e-4)
    assert len(others) == 200


@pytest.mark.parametrize("name", ["w", "model.embed_tokens.weight", "transformer.wte.weight"])
def test_tables_and_rows_of_broken_groups_are_in_eight_bits(name: str, tmp_path: Path) -> None:
    tensor = mapped(tmp_path, torch.randn(4, 48 if name == "w" else 64))
    assert (form_in_bits(name, tensor, 4), form_in_bits("v", tensor, 8)) == ("eight", "eight")
    whole = mapped(tmp_path, torch.randn(4, 64))
    assert form_in_bits("w", whole, 4) == "four and offset"


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("transformer.h.3.attn.c_attn.weight", "eight"),
        ("model.layers.3.self_attn.k_proj.weight", "eight"),
        ("transformer.h.3.mlp.c_fc.weight", "four and offset"),
        ("model.layers.3.mlp.down_proj.weight", "four and offset"),
        ("lm_head.weight", "eight"),
    ],
)
def test_what_loses_most_is_in_eight_bits(name: str, form: Form, tmp_path: Path) -> None:
    assert form_in_bits(name, mapped(tmp_path, torch.randn(4, 64)), 4) == form


def computed(nodes: list[Any]) -> Any:
    """What a graph of these nodes gives."""
    model = openvino.Model(nodes, [])
    return openvino.Core().compile_model(model, "CPU", dict(EXACT))([])[0]
