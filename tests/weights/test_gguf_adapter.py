"""Adapters as GGUF files: the names and the order of rows that the model's file has."""

import json
import re
import shutil
from contextlib import closing
from pathlib import Path

import numpy
import pytest
from gguf import GGUFReader

from adapters import make_adapter
from gguf_checkpoints import write_gguf
from starcoder_cli.catalog import find_model
from starcoder_cli.engines.load import load_model
from starcoder_cli.errors import DataError
from starcoder_cli.loading import LoadOptions
from starcoder_cli.model import Prompt, Sampling
from starcoder_cli.stream import collect
from starcoder_cli.weights.gguf_adapter import write_gguf_adapter
from starcoder_cli.weights.tensors import map_tensors
from tiny import build


@pytest.mark.parametrize("kind", ["llama", "qwen2", "gpt_bigcode"])
def test_the_product_is_what_is_added_to_the_tensor_of_its_name(kind: str, tmp_path: Path) -> None:
    base, adapter = build(tmp_path / "base", kind), tmp_path / "adapter"
    make_adapter(base, adapter)
    model = write_gguf(base, tmp_path / "base.gguf")
    settings = json.loads((adapter / "adapter_config.json").read_text())
    weights, target = adapter / "adapter_model.safetensors", tmp_path / "adapter.gguf"
    write_gguf_adapter(model, weights, settings, target)
    found = {tensor.name: tensor.data for tensor in GGUFReader(target).tensors}
    factors = map_tensors([weights])
    assert len(found) == len(factors)
    sizes = {tensor.name: tuple(tensor.shape) for tensor in GGUFReader(model).tensors}
    for name, second in found.items():
        if name.endswith(".lora_b"):
            tensor = name.removesuffix(".lora_b")
            added = second @ found[f"{tensor}.lora_a"]
            assert added.shape[::-1] == sizes[tensor]
    first_layer = "base_model.model.model.layers.0.self_attn.q_proj.lora_{}.weight"
    if kind == "llama":
        second, first = (factors[first_layer.format(letter)].floats() for letter in "BA")
        halves = (second @ first).reshape(4, 2, -1, 32)
        pairs = halves.swapaxes(1, 2).reshape(32, 32)
        added = found["blk.0.attn_q.weight.lora_b"] @ found["blk.0.attn_q.weight.lora_a"]
        assert numpy.allclose(added, pairs, atol=1e-5)


@pytest.mark.parametrize("kind", ["qwen2", "gpt_bigcode"])
def test_llamacpp_writes_what_the_merged_checkpoint_does(kind: str, tmp_path: Path) -> None:
    base, adapter = build(tmp_path / "base", kind), tmp_path / "adapter"
    make_adapter(base, adapter).save_pretrained(tmp_path / "merged")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(base / name, tmp_path / "merged" / name)
    model = write_gguf(base, tmp_path / "base.gguf")

    def written(path: Path, loading: LoadOptions) -> list[str]:
        texts = ("def f(x): return x", "a = b", "for x in y:", "import os", "print(1, 2)")
        opened = load_model(find_model(str(path)), path, 128, loading)
        with closing(opened):
            streams = (opened.stream(Prompt((each,)), Sampling(2)) for each in texts)
            # Engines differ in how they show half a character and control tokens.
            return [re.sub("\ufffd|<[a-z_|]+>", "", collect(each).text) for each in streams]

    with_adapter = written(model, LoadOptions(adapter=str(adapter)))
    assert with_adapter == written(tmp_path / "merged", LoadOptions(dtype="fp32"))
    assert with_adapter != written(model, LoadOptions())


def test_an_adapter_of_another_model_is_refused(tmp_path: Path) -> None:
    make_adapter(build(tmp_path / "other", "qwen2", 64), tmp_path / "adapter")
    model = write_gguf(build(tmp_path / "base", "qwen2"), tmp_path / "base.gguf")
    settings = json.loads((tmp_path / "adapter/adapter_config.json").read_text())
    weights = tmp_path / "adapter/adapter_model.safetensors"
    with pytest.raises(DataError, match="is of another model"):
        write_gguf_adapter(model, weights, settings, tmp_path / "adapter.gguf")
    with pytest.raises(DataError, match="is an adapter that llama.cpp cannot add"):
        write_gguf_adapter(model, weights, {}, tmp_path / "adapter.gguf")
