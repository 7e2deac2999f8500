"""Small checkpoints as GGUF files, by the names that llama.cpp's own package gives."""

import json
from pathlib import Path
from typing import Any

import gguf
from safetensors.torch import load_file

ARCHITECTURES = {
    "gpt_bigcode": gguf.MODEL_ARCH.STARCODER,
    "starcoder2": gguf.MODEL_ARCH.STARCODER2,
    "llama": gguf.MODEL_ARCH.LLAMA,
    "qwen2": gguf.MODEL_ARCH.QWEN2,
    "qwen3": gguf.MODEL_ARCH.QWEN3,
}


def write_gguf(
    folder: Path, path: Path, kind: gguf.GGMLQuantizationType = gguf.GGMLQuantizationType.F32
) -> Path:
    """Write a checkpoint's weights as llama.cpp's converter does, matrices as a kind."""
    config = json.loads((folder / "config.json").read_text())
    architecture = ARCHITECTURES[config["model_type"]]
    writer = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[architecture])
    layers = config.get("n_layer") or config["num_hidden_layers"]
    heads = config.get("n_head") or config["num_attention_heads"]
    keys = 1 if "n_head" in config else config["num_key_value_heads"]
    add_settings(writer, config, layers, heads, keys)
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    add_tokenizer(writer, tokenizer, config["vocab_size"])
    names = gguf.get_tensor_name_map(architecture, layers)
    for name, tensor in load_file(folder / "model.safetensors").items():
        weights = tensor.float().numpy()
        if architecture == gguf.MODEL_ARCH.LLAMA and name.endswith(
            ("q_proj.weight", "k_proj.weight")
        ):
            count = heads if "q_proj" in name else keys
            halves = weights.reshape(count, 2, -1, weights.shape[1])
            weights = halves.swapaxes(1, 2).reshape(weights.shape)
        found = names.get_name(name, try_suffixes=(".weight", ".bias"))
        assert found, name
        if weights.ndim > 1 and kind != gguf.GGMLQuantizationType.F32:
            writer.add_tensor(found, gguf.quants.quantize(weights, kind), raw_dtype=kind)
        else:
            writer.add_tensor(found, weights)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def add_settings(
    writer: gguf.GGUFWriter, config: dict[str, Any], layers: int, heads: int, keys: int
) -> None:
    """What the configuration says of the layers."""
    writer.add_block_count(layers)
    writer.add_context_length(config.get("n_positions") or config["max_position_embeddings"])
    writer.add_embedding_length(config.get("n_embd") or config["hidden_size"])
    writer.add_feed_forward_length(config.get("intermediate_size") or 4 * config["n_embd"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(keys)
    writer.add_eos_token_id(config["eos_token_id"])
    if "rms_norm_eps" in config:
        writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    if "head_dim" in config and config["head_dim"]:
        writer.add_key_length(config["head_dim"])
    epsilon = config.get("norm_epsilon") or config.get("layer_norm_epsilon")
    if epsilon:
        writer.add_layer_norm_eps(epsilon)
    if "rope_parameters" in config:
        writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    if config.get("sliding_window"):
        writer.add_sliding_window(config["sliding_window"])


def add_tokenizer(writer: gguf.GGUFWriter, tokenizer: dict[str, Any], size: int) -> None:
    """So many tokens as StarCoder's files have them; where none is merged, the last is two spaces.

    llama.cpp takes no file without a pair to merge.
    """
    control_ids = {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
    ids = {**tokenizer["model"]["vocab"], **control_ids}
    tokens = sorted(ids, key=ids.__getitem__)
    tokens += [f"<unused {number}>" for number in range(len(tokens), size)]
    pairs = tokenizer["model"]["merges"]
    if not pairs:
        tokens[-1], pairs = "ĠĠ", ["Ġ Ġ"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("starcoder")
    writer.add_token_list(tokens)
    writer.add_token_types(
        [
            gguf.TokenType.CONTROL if token in control_ids else gguf.TokenType.NORMAL
            for token in tokens
        ]
    )
    writer.add_token_merges([pair if isinstance(pair, str) else " ".join(pair) for pair in pairs])
