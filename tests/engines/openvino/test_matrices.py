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
from starcoder_cli.engines.openvino.matrices import SCALES, ZEROS, CheckpointWeights, quantized_node
from starcoder_cli.engines.openvino.quantize import (
    Bits,
    Form,
    form_in_bits,
    in_groups,
    quantize,
    to_four_bits,
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


@pytest.mark.parametrize(("form", "columns"), [("eight", 48), ("eight", 64), ("four", 64)])
def test_a_matrix_that_is_quantized_in_its_file(form: Form, columns: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    matrix = quantize(mapped(tmp_path, torch.randn(40, columns)), form)
    arrays = {"w": matrix.numbers, f"w{SCALES}": matrix.scales, f"w{ZEROS}": matrix.zeros}
    stored = {name: torch.from_numpy(array) for name, array in arrays.items() if array is not None}
    save_file(stored, tmp_path / "stored.safetensors")
    weights = CheckpointWeights(map_tensors([tmp_path / "stored.safetensors"]), bits=16)
    found = computed([weights.matrix("w")])
    assert numpy.allclose(found, read_back(matrix), rtol=1e-3, atol=1e-4)
    if form == "eight":
        rows = weights.rows("w", openvino.opset15.constant(numpy.array([3, 39, 3])))
        assert numpy.array_equal(computed([rows]), read_back(matrix)[[3, 39, 3]])


@pytest.mark.parametrize(("bits", "form"), [(8, "eight"), (4, "four")])
def test_a_matrix_that_is_quantized_when_it_is_loaded(
    bits: Bits, form: Form, tmp_path: Path
) -> None:
    """The constants keep what nobody else does."""
    tensor = mapped(tmp_path, torch.randn(40, 64))
    node = CheckpointWeights({"w": tensor}, bits).matrix("w")
    others = [numpy.full((40, 64), at, numpy.uint8) for at in range(200)]
    expected = read_back(quantize(tensor, form))
    assert numpy.allclose(computed([node]), expected, rtol=1e-3, atol=1e-4)
    assert len(others) == 200


@pytest.mark.parametrize("name", ["w", "model.embed_tokens.weight", "transformer.wte.weight"])
def test_tables_and_rows_of_broken_groups_are_in_eight_bits(name: str, tmp_path: Path) -> None:
    tensor = mapped(tmp_path, torch.randn(4, 48 if name == "w" else 64))
    assert (form_in_bits(name, tensor, 4), form_in_bits("v", tensor, 8)) == ("eight", "eight")
    whole = mapped(tmp_path, torch.randn(4, 64))
    assert form_in_bits("w", whole, 4) == "four"


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("transformer.h.3.attn.c_attn.weight", "eight"),
        ("model.layers.3.self_attn.k_proj.weight", "eight"),
        ("transformer.h.3.mlp.c_fc.weight", "four"),
        ("model.layers.3.mlp.down_proj.weight", "four"),
        ("lm_head.weight", "eight"),
    ],
)
def test_what_loses_most_is_in_eight_bits(name: str, form: Form, tmp_path: Path) -> None:
    assert form_in_bits(name, mapped(tmp_path, torch.randn(4, 64)), 4) == form


def test_a_zero_between_two_numbers(tmp_path: Path) -> None:
    numbers = in_groups(torch.randn(8, 64).numpy())
    matrix = to_four_bits(numbers)[0]
    assert matrix.zeros is not None
    between = replace(matrix, zeros=matrix.zeros.astype(numpy.float16) + numpy.float16(0.5))
    assert numpy.allclose(
        computed([quantized_node(between)]), read_back(between), rtol=1e-3, atol=1e-3
    )


def computed(nodes: list[Any]) -> Any:
    """What a graph of these nodes gives."""
    model = openvino.Model(nodes, [])
    return openvino.Core().compile_model(model, "CPU", dict(EXACT))([])[0]
