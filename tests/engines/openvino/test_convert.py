"""GGUF files as checkpoints in few bits: what a family's graph makes of them."""

import json
import struct
from contextlib import closing
from pathlib import Path

import numpy
import pytest
import torch
from gguf.constants import GGMLQuantizationType
from safetensors.torch import load_file, save_file

from checkpoint_graphs import difference, scale_weights
from gguf_checkpoints import write_gguf
from ggufs import ARCHITECTURE, Parts, entry, text, tiny
from ggufs import tensor as described_tensor
from quantized import read_back
from starcoder_cli.engines.llamacpp import LlamaCppModel
from starcoder_cli.engines.openvino.convert import (
    CONFIG_FILE,
    WEIGHTS_FILE,
    convert_gguf,
    read_gguf,
)
from starcoder_cli.engines.openvino.matrices import OFFSETS, SCALES, ZEROS
from starcoder_cli.engines.openvino.model import OpenVinoModel
from starcoder_cli.engines.openvino.prepare import convert_file
from starcoder_cli.engines.openvino.rounding import QuantizedMatrix
from starcoder_cli.engines.openvino.sources import prepared_source
from starcoder_cli.errors import DataError, MachineError
from starcoder_cli.model import Prompt, Sampling, Special
from starcoder_cli.stream import collect
from starcoder_cli.weights.gguf_names import NEEDED_SETTINGS
from starcoder_cli.weights.tensors import map_tensors
from tiny import SHAPES, build

pytest.importorskip("openvino", reason="needs OpenVINO, which has no wheel here")


def nobody(done: int, total: int) -> None:
    """Nobody is told how many tensors are written."""


@pytest.mark.parametrize("kind", ["gpt_bigcode", "starcoder2", "llama", "qwen2", "qwen3"])
@pytest.mark.parametrize("weights", ["F32", "Q8_0", "Q4_0", "Q4_1"])
def test_the_logits_are_those_of_transformers_on_these_weights(
    kind: str, weights: str, tmp_path: Path
) -> None:
    folder, made = build(tmp_path / "own", kind), tmp_path / "made"
    made.mkdir()
    scale_weights(folder)
    path = write_gguf(folder, tmp_path / "m.gguf", GGMLQuantizationType[weights])
    convert_gguf(path, made, 0, nobody)
    original = load_file(folder / "model.safetensors")
    found = read_weights(made / WEIGHTS_FILE)
    assert found.keys() == original.keys()
    for name, tensor in found.items():
        step = 0.2 if weights.startswith("Q4") and tensor.dim() > 1 else 0.02
        assert (tensor - original[name]).abs().max() <= step * original[name].abs().max(), name
    save_file(found, folder / "model.safetensors", {"format": "pt"})
    assert difference(folder, made) < 2e-3


@pytest.mark.parametrize("kind", ["gpt_bigcode", "starcoder2"])
def test_a_starcoder_is_prepared_with_its_tokenizer(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SHAPES["gpt_bigcode"], "n_positions", 2048)
    folder, made = build(tmp_path / "own", kind), tmp_path / "made"
    made.mkdir()
    path = write_gguf(folder, tmp_path / "m.gguf", GGMLQuantizationType.Q8_0)
    convert_file(path, made, nobody)
    told = []
    for load in (
        lambda: LlamaCppModel(path, 256),
        lambda: OpenVinoModel(prepared_source(made, path), 256),
    ):
        with closing(load()) as model:
            assert model.has_token("<fim_prefix>")
            prompt = Prompt((Special("<fim_prefix>"), "def f(x):\n    return 12"))
            found = collect(model.stream(prompt, Sampling(3)))
            told.append((found.prompt_tokens, found.tokens))
    assert (
        told[0] == told[1] == (1 + len("def f(x):\n    return 12") - 1, 3)
    )  # two spaces are one token


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """What the tensors of a file stand for."""
    tensors = map_tensors([path])
    found = {}
    for name, tensor in tensors.items():
        if name + SCALES in tensors:
            zeros, offsets = (
                tensors[name + part].numbers() if name + part in tensors else None
                for part in (ZEROS, OFFSETS)
            )
            scales = tensors[name + SCALES].numbers()
            matrix = QuantizedMatrix(tensor.numbers(), scales, zeros, offsets)
            found[name] = torch.from_numpy(read_back(matrix))
        elif not name.endswith((SCALES, ZEROS, OFFSETS)):
            found[name] = torch.from_numpy(tensor.floats())
    return found


def test_each_tensor_is_told(tmp_path: Path) -> None:
    path, told = tmp_path / "m.gguf", list[tuple[int, int]]()
    path.write_bytes(tiny())
    convert_gguf(path, tmp_path, 0, lambda done, total: told.append((done, total)))
    assert told == [(number, 14) for number in range(14)]
    config = json.loads((tmp_path / CONFIG_FILE).read_text())
    assert config["model_type"] == "qwen2" and config["tie_word_embeddings"] is True


def test_those_of_the_feed_forward_go_in_four_bits_if_wanted(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(tiny())
    found: list[set[str]] = []
    for count in (0, 1, 9):
        convert_gguf(path, tmp_path, count, nobody)
        tensors = map_tensors([tmp_path / WEIGHTS_FILE])
        found.append({name for name, each in tensors.items() if each.entry.dtype == "U8"})
    names = {f"model.layers.0.mlp.{each}_proj.weight" for each in ("gate", "up")}
    assert found[0] == set() and len(found[1] & names) == 1 and names < found[2]
    assert all(name.removesuffix(".zeros") in names for name in found[2])


def test_a_table_is_in_eight_bits_whatever_it_was(tmp_path: Path) -> None:
    folder = build(tmp_path / "own", "gpt_bigcode")
    path = write_gguf(folder, tmp_path / "m.gguf", GGMLQuantizationType.Q4_0)
    convert_gguf(path, tmp_path, 0, nobody)
    tensors = map_tensors([tmp_path / WEIGHTS_FILE])
    kinds = {name: tensors[f"transformer.{name}.weight"].entry.dtype for name in ("wte", "wpe")}
    assert kinds == {"wte": "I8", "wpe": "F16"}
    original = read_gguf(path)[1]["transformer.wpe.weight"].floats()
    assert numpy.allclose(tensors["transformer.wpe.weight"].floats(), original, atol=1e-3)


def test_a_kind_of_model_without_a_graph(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    other = entry("general.architecture", 8, text("mamba"))
    path.write_bytes(Parts(entries=(other,)).build())
    with pytest.raises(MachineError) as caught:
        convert_gguf(path, tmp_path, 0, nobody)
    assert str(caught.value) == "OpenVINO runs no model of the kind mamba; use --engine llamacpp"


def test_a_type_of_tensors_that_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / "new.gguf"
    described = (described_tensor("new", 0, kind=60),)
    path.write_bytes(Parts(entries=(ARCHITECTURE,), tensors=described).build())
    with pytest.raises(DataError) as caught:
        convert_gguf(path, tmp_path, 0, nobody)
    assert str(caught.value) == (
        f"{path} has tensors of a type that is not known; use --engine llamacpp"
    )


def test_a_type_that_only_llama_cpp_reads(tmp_path: Path) -> None:
    """Q8_1 is what it multiplies with, and has no numbers that Python's package gives."""
    path = tmp_path / "m.gguf"
    number = struct.pack("<I", 2)
    settings = (entry(f"llama.{name}", 4, number) for name in NEEDED_SETTINGS)
    described = (described_tensor("blk.0.ffn_up.weight", 0, (32, 2), 9),)
    path.write_bytes(
        Parts(entries=(ARCHITECTURE, *settings), tensors=described, data=bytes(72)).build()
    )
    with pytest.raises(DataError, match="has tensors of a type that is not known"):
        convert_gguf(path, tmp_path, 0, nobody)
