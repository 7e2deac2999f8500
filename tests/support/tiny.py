"""Checkpoints of the real architectures, made in a moment, with random weights."""

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM

torch.set_num_threads(1)  # for matrices this small, other threads only get in the way

SPECIALS = ("<|endoftext|>", "<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<fim_pad>")
VOCABULARY = len(SPECIALS) + 256
WINDOW = 128

COMMON = {"vocab_size": VOCABULARY, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}
NARROW: dict[str, object] = {"n_positions": WINDOW, "n_embd": 32, "n_layer": 2, "n_head": 4}
WIDE: dict[str, object] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": WINDOW,
}
EXPERTS: dict[str, object] = {
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 16,
}
LATENT: dict[str, object] = {
    **WIDE,
    "num_key_value_heads": 4,
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 16,
    "first_k_dense_replace": 1,
    "n_group": 2,
    "topk_group": 1,
    "kv_lora_rank": 8,
    "q_lora_rank": 16,
    "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 4,
    "v_head_dim": 8,
}
SLIDING: dict[str, object] = {"sliding_window": 16, "head_dim": 8}
SHAPES: dict[str, dict[str, object]] = {
    "gpt_bigcode": {**NARROW, "multi_query": True},
    "starcoder2": {**WIDE, "max_position_embeddings": 2048, "sliding_window": 16},
    "llama": WIDE,
    "gpt2": NARROW,
    "codegen": {**NARROW, "rotary_dim": 4},
    "deepseek_v2": LATENT,
    "deepseek_v3": LATENT,
    "gemma": {**WIDE, "head_dim": 8},
    "gemma2": {**WIDE, **SLIDING},
    "gemma3_text": {**WIDE, **SLIDING},
    "gpt_neox": WIDE,
    "gptj": {**NARROW, "rotary_dim": 4},
    "granite": WIDE,
    "mistral": {**WIDE, "sliding_window": 16},
    "phi": WIDE,
    "phi3": WIDE,
    "qwen2": WIDE,
    "qwen2_moe": {**WIDE, **EXPERTS, "shared_expert_intermediate_size": 16},
    "qwen3": WIDE,
    "qwen3_moe": {**WIDE, **EXPERTS},
    "smollm3": WIDE,
    "stablelm": WIDE,
}


def tokenizer() -> Tokenizer:
    """A token for each byte, and StarCoder's control tokens before them."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    names = [*SPECIALS, *alphabet]
    made = Tokenizer(models.BPE({name: at for at, name in enumerate(names)}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens(list(SPECIALS))
    return made


def build(folder: Path, kind: str = "gpt_bigcode", width: int = 32) -> Path:
    """Save a checkpoint of a kind, the same at every call; its answers are nonsense, but varied."""
    torch.manual_seed(1)
    shape = SHAPES[kind]
    shape = {**shape, "n_embd" if "n_embd" in shape else "hidden_size": width}
    config = AutoConfig.for_model(kind, **COMMON, **shape)
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.normal_(0, 0.3)
    model.save_pretrained(folder)
    tokenizer().save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": SPECIALS[0]}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder
