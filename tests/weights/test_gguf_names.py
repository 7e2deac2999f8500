"""GGUF's names in those of checkpoints: the same as llama.cpp's own table has."""

import struct
from dataclasses import replace
from pathlib import Path

import gguf
import pytest

from ggufs import ARCHITECTURE, Parts, entry, text
from starcoder_cli.weights.gguf import GgufHeader, GgufTensor, read_gguf_header
from starcoder_cli.weights.gguf_names import (
    ARCHITECTURES,
    NEEDED_SETTINGS,
    UnknownArchitectureError,
    checkpoint_config,
    checkpoint_name,
    find_architecture,
    paired_heads,
)

LAYERS = 3
HEADER = GgufHeader("llama", "", 0, "", "", (), {}, 0, {})


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_each_name_is_that_of_llama_cpp(name: str) -> None:
    kind = next(each for each, title in gguf.MODEL_ARCH_NAMES.items() if title == name)
    table = gguf.get_tensor_name_map(kind, LAYERS)
    architecture = ARCHITECTURES[name]
    for short, template in architecture.weights.items():
        layer = "blk.2." if "{}" in template else ""
        found = checkpoint_name(architecture, f"{layer}{short}.weight")
        assert found == f"{template.format(2)}.weight"
        there = table.get_name(found, try_suffixes=(".weight",))
        # A kind of model that is built like another has not all that the other one has.
        assert there == f"{layer}{short}.weight" or (there is None and short.endswith("_norm"))
    keys = {
        value
        for group in (gguf.Keys.LLM, gguf.Keys.Attention, gguf.Keys.Rope)
        for value in vars(group).values()
        if isinstance(value, str)
    }
    assert {"{arch}." + key for key in architecture.settings} <= keys


@pytest.mark.parametrize(
    "name", ["blk.0.ffn_gate_exps.weight", "attn_q.weight", "blk.1.output_norm.weight", "x", "a.b"]
)
def test_a_weight_that_no_graph_reads(name: str) -> None:
    with pytest.raises(UnknownArchitectureError, match="llama with"):
        checkpoint_name(ARCHITECTURES["llama"], name)


def test_a_configuration(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    number = struct.pack("<I", 7)
    names = ("block_count", "embedding_length", "attention.head_count", "no")
    entries = (ARCHITECTURE, *(entry(f"llama.{name}", 4, number) for name in names))
    path.write_bytes(Parts(entries=entries, tensors=(), data=b"").build())
    assert checkpoint_config(read_gguf_header(path)) == {
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": 7,
        "num_hidden_layers": 7,
        "num_attention_heads": 7,
        "tie_word_embeddings": True,
        "eos_token_id": None,
    }
    head = (GgufTensor("output.weight", (32,), 0, 0, 128),)
    counts = {f"llama.{name}": 7 for name in names}
    assert (
        checkpoint_config(replace(HEADER, tensors=head, metadata=counts))["tie_word_embeddings"]
        is False
    )


def test_what_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    scaled = entry("llama.rope.scaling.type", 8, text("yarn"))
    path.write_bytes(Parts(entries=(ARCHITECTURE, scaled)).build())
    with pytest.raises(UnknownArchitectureError, match="llama with yarn positions"):
        checkpoint_config(read_gguf_header(path))
    with pytest.raises(UnknownArchitectureError, match="mamba"):
        find_architecture(replace(HEADER, architecture="mamba"))


def test_which_weights_have_pairs() -> None:
    counts = {"llama.attention.head_count": 8, "llama.attention.head_count_kv": 2}
    header = replace(HEADER, metadata=counts)
    names = ("blk.0.attn_q.weight", "blk.0.attn_k.weight", "blk.0.attn_v.weight", "attn_q.weight")
    llama = ARCHITECTURES["llama"]
    assert [paired_heads(llama, header, name, 64) for name in names] == [8, 2, 0, 0]
    assert paired_heads(ARCHITECTURES["qwen2"], header, names[0], 64) == 0


@pytest.mark.parametrize(("heads", "rows"), [(7, 64), (0, 64), (-1, 64), (4, 4), (4, 1)])
def test_rows_that_are_no_pairs(heads: int, rows: int) -> None:
    header = replace(HEADER, metadata={"llama.attention.head_count": heads})
    with pytest.raises(UnknownArchitectureError, match="heads in"):
        paired_heads(ARCHITECTURES["llama"], header, "blk.0.attn_q.weight", rows)


@pytest.mark.parametrize("missing", NEEDED_SETTINGS)
@pytest.mark.parametrize("value", [None, 0, -1, 1.5])
def test_a_file_that_lacks_what_each_has(missing: str, value: float | None) -> None:
    counts: dict[str, int | float | str] = {f"llama.{name}": 2 for name in NEEDED_SETTINGS}
    counts.pop(f"llama.{missing}")
    given = {} if value is None else {f"llama.{missing}": value}
    with pytest.raises(UnknownArchitectureError, match=f"llama without {missing}"):
        checkpoint_config(replace(HEADER, metadata={**counts, **given}))
