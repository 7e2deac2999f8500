"""Weights in bf16, and an adapter merged into them."""

import json
from pathlib import Path

import numpy
import pytest
import torch

from adapters import make_adapter
from starcoder_cli.errors import DataError
from starcoder_cli.weights.half_precision import merge_adapter, to_bf16, write_bf16
from starcoder_cli.weights.tensors import map_tensors
from tiny import build


def test_rounding_is_that_of_torch() -> None:
    numbers = numpy.random.default_rng(0).normal(size=10_000).astype(numpy.float32)
    numbers[:3] = (0, -0.0, 1.00390625)  # the last is halfway between two
    wanted = torch.from_numpy(numbers).bfloat16().view(torch.uint16).numpy()
    assert (to_bf16(numbers) == wanted).all()


def test_tensors_are_written_and_read(tmp_path: Path) -> None:
    tensors = map_tensors([build(tmp_path / "base", "qwen2") / "model.safetensors"])
    write_bf16(tmp_path / "copy.safetensors", tensors)
    copy = map_tensors([tmp_path / "copy.safetensors"])
    assert copy.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert copy[name].entry.dtype == "BF16" and copy[name].shape == tensor.shape
        assert numpy.allclose(copy[name].floats(), tensor.floats(), rtol=2**-8)


@pytest.mark.parametrize("kind", ["qwen2", "gpt_bigcode", "gpt2"])
def test_an_adapter_is_merged_as_peft_does_it(kind: str, tmp_path: Path) -> None:
    base, adapter = build(tmp_path / "base", kind), tmp_path / "adapter"
    wanted = make_adapter(base, adapter).state_dict()
    settings = json.loads((adapter / "adapter_config.json").read_text())
    files = (base / "model.safetensors",)
    target = tmp_path / "merged.safetensors"
    merge_adapter(files, adapter / "adapter_model.safetensors", settings, target)
    merged, before = map_tensors([target]), map_tensors(files)
    changed = 0
    for name, tensor in merged.items():
        numbers = wanted[name].float().numpy()
        assert numpy.allclose(tensor.floats(), numbers, rtol=2**-8, atol=1e-6)
        changed += not numpy.allclose(tensor.floats(), before[name].floats(), rtol=2**-7, atol=1e-6)
    assert changed >= 8


def test_an_adapter_of_another_model_is_refused(tmp_path: Path) -> None:
    base, other = build(tmp_path / "base", "qwen2"), build(tmp_path / "other", "qwen2", 64)
    make_adapter(other, tmp_path / "adapter")
    settings = json.loads((tmp_path / "adapter/adapter_config.json").read_text())
    files, weights = (base / "model.safetensors",), tmp_path / "adapter/adapter_model.safetensors"
    with pytest.raises(DataError, match="is of another model"):
        merge_adapter(files, weights, settings, tmp_path / "merged")
    with pytest.raises(DataError, match="does not say how large"):
        merge_adapter(files, weights, {}, tmp_path / "merged")
