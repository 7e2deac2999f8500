"""Checkpoints of the real architectures, made in a moment, with random weights."""

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    GPTBigCodeConfig,
    LlamaConfig,
    PreTrainedConfig,
    Starcoder2Config,
)

torch.set_num_threads(1)  # for matrices this small, other threads only get in the way

SPECIALS = ("<|endoftext|>", "<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<fim_pad>")
VOCABULARY = len(SPECIALS) + 256
WINDOW = 128

COMMON = {"vocab_size": VOCABULARY, "bos_token_id": 0, "eos_token_id": 0}
CONFIGS: dict[str, PreTrainedConfig] = {
    "gpt_bigcode": GPTBigCodeConfig(
        n_positions=WINDOW, n_embd=32, n_layer=2, n_head=4, multi_query=True, **COMMON
    ),
    "starcoder2": Starcoder2Config(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        sliding_window=16,
        **COMMON,
    ),
    "llama": LlamaConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=WINDOW,
        **COMMON,
    ),
    "gpt2": GPT2Config(n_positions=WINDOW, n_embd=32, n_layer=2, n_head=4, **COMMON),
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


def build(folder: Path, kind: str = "gpt_bigcode") -> Path:
    """Save a checkpoint of a kind, the same at every call; its answers are nonsense, but varied."""
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_config(CONFIGS[kind])
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.normal_(0, 0.3)
    model.save_pretrained(folder)
    tokenizer().save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": SPECIALS[0]}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder
