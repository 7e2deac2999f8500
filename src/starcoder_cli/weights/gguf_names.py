"""Translate the names of settings and weights in GGUF files to those of checkpoints.

The names are from llama.cpp's `gguf-py/gguf/constants.py` and `tensor_mapping.py`, and from
transformers' configurations and weights for the same families.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from starcoder_cli.weights.gguf import GgufHeader


class UnknownArchitectureError(Exception):
    """A GGUF file has an unknown architecture, or something its architecture does not have."""


@dataclass(frozen=True)
class Architecture:
    """A type of model: its name in checkpoints, and the names of its settings and weights there.

    `fixed` are settings that GGUF files do not contain. With `has_pairs`, the numbers of a rotary
    pair are adjacent in files, while checkpoints put all first ones before all second ones.
    """

    model_type: str
    settings: Mapping[str, str]
    fixed: Mapping[str, object]
    weights: Mapping[str, str]
    has_pairs: bool = False


LLAMA_SETTINGS = {
    "embedding_length": "hidden_size",
    "block_count": "num_hidden_layers",
    "context_length": "max_position_embeddings",
    "attention.head_count": "num_attention_heads",
    "attention.head_count_kv": "num_key_value_heads",
    "attention.key_length": "head_dim",
    "attention.layer_norm_rms_epsilon": "rms_norm_eps",
    "attention.layer_norm_epsilon": "norm_epsilon",
    "attention.sliding_window": "sliding_window",
    "rope.freq_base": "rope_theta",
}
LLAMA_WEIGHTS = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
    "attn_norm": "model.layers.{}.input_layernorm",
    "attn_q": "model.layers.{}.self_attn.q_proj",
    "attn_k": "model.layers.{}.self_attn.k_proj",
    "attn_v": "model.layers.{}.self_attn.v_proj",
    "attn_q_norm": "model.layers.{}.self_attn.q_norm",
    "attn_k_norm": "model.layers.{}.self_attn.k_norm",
    "attn_output": "model.layers.{}.self_attn.o_proj",
    "ffn_norm": "model.layers.{}.post_attention_layernorm",
    "ffn_gate": "model.layers.{}.mlp.gate_proj",
    "ffn_up": "model.layers.{}.mlp.up_proj",
    "ffn_down": "model.layers.{}.mlp.down_proj",
}
STARCODER2_WEIGHTS = {
    **{name: template for name, template in LLAMA_WEIGHTS.items() if "gate" not in name},
    "ffn_up": "model.layers.{}.mlp.c_fc",
    "ffn_down": "model.layers.{}.mlp.c_proj",
}
STARCODER_SETTINGS = {
    "embedding_length": "n_embd",
    "block_count": "n_layer",
    "context_length": "n_positions",
    "attention.head_count": "n_head",
    "attention.layer_norm_epsilon": "layer_norm_epsilon",
}
STARCODER_WEIGHTS = {
    "token_embd": "transformer.wte",
    "position_embd": "transformer.wpe",
    "output_norm": "transformer.ln_f",
    "output": "lm_head",
    "attn_norm": "transformer.h.{}.ln_1",
    "attn_qkv": "transformer.h.{}.attn.c_attn",
    "attn_output": "transformer.h.{}.attn.c_proj",
    "ffn_norm": "transformer.h.{}.ln_2",
    "ffn_up": "transformer.h.{}.mlp.c_fc",
    "ffn_down": "transformer.h.{}.mlp.c_proj",
}
SILU, GELU = {"hidden_act": "silu"}, {"hidden_act": "gelu_pytorch_tanh"}

ARCHITECTURES: Mapping[str, Architecture] = {
    "llama": Architecture("llama", LLAMA_SETTINGS, SILU, LLAMA_WEIGHTS, has_pairs=True),
    "qwen2": Architecture("qwen2", LLAMA_SETTINGS, SILU, LLAMA_WEIGHTS),
    "qwen3": Architecture("qwen3", LLAMA_SETTINGS, SILU, LLAMA_WEIGHTS),
    "starcoder": Architecture(
        "gpt_bigcode",
        STARCODER_SETTINGS,
        {"activation_function": "gelu_pytorch_tanh"},
        STARCODER_WEIGHTS,
    ),
    "starcoder2": Architecture("starcoder2", LLAMA_SETTINGS, GELU, STARCODER2_WEIGHTS),
}
"""By the architecture's name in GGUF files."""

NEEDED_SETTINGS = "embedding_length", "block_count", "attention.head_count"

TENSOR_NAME = re.compile(r"(?:blk\.(?P<layer>\d+)\.)?(?P<name>\w+)\.(?P<kind>weight|bias)")


def find_architecture(header: GgufHeader) -> Architecture:
    """The architecture of a file; raises UnknownArchitectureError if it is unknown."""
    if header.architecture not in ARCHITECTURES:
        raise UnknownArchitectureError(header.architecture)
    return ARCHITECTURES[header.architecture]


def checkpoint_config(header: GgufHeader) -> dict[str, object]:
    """Build the equivalent of a checkpoint's `config.json`.

    Raises UnknownArchitectureError if the architecture is unknown, or the file lacks a required
    setting.
    """
    architecture, prefix = find_architecture(header), f"{header.architecture}."
    scaling = header.metadata.get(f"{prefix}rope.scaling.type", "none")
    if scaling != "none":
        raise UnknownArchitectureError(f"{header.architecture} with {scaling} positions")
    for key in NEEDED_SETTINGS:
        value = header.metadata.get(prefix + key)
        if not isinstance(value, int) or value < 1:
            raise UnknownArchitectureError(f"{header.architecture} without {key}")
    config: dict[str, object] = {"model_type": architecture.model_type, **architecture.fixed}
    for key, name in architecture.settings.items():
        if prefix + key in header.metadata:
            config[name] = header.metadata[prefix + key]
    config["tie_word_embeddings"] = all(each.name != "output.weight" for each in header.tensors)
    config["eos_token_id"] = header.eos_id
    return config


def checkpoint_name(architecture: Architecture, name: str) -> str:
    """A tensor's name in checkpoints; raises UnknownArchitectureError if it has none."""
    match = TENSOR_NAME.fullmatch(name)
    template = architecture.weights.get(match["name"]) if match else None
    if not match or not template or ("{}" in template) != bool(match["layer"]):
        raise UnknownArchitectureError(f"{architecture.model_type} with {name[:64]!r}")
    return f"{template.format(match['layer'])}.{match['kind']}"


def paired_heads(architecture: Architecture, header: GgufHeader, name: str, rows: int) -> int:
    """The number of heads whose rotary pairs are adjacent in a tensor of `rows` rows, or 0.

    Raises UnknownArchitectureError if its rows do not form pairs, such as those of a bias, which is
    one.
    """
    match = re.fullmatch(r"blk\.\d+\.attn_([qk])\.(?:weight|bias)", name)
    if not match or not architecture.has_pairs:
        return 0
    key = f"{header.architecture}.attention.head_count"
    heads = header.metadata.get(key, 0)
    keys = header.metadata.get(f"{key}_kv", heads)
    count = int(heads if match[1] == "q" else keys)
    if count < 1 or rows % (2 * count):
        raise UnknownArchitectureError(f"{header.architecture} with {count} heads in {rows} rows")
    return count
