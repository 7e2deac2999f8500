"""LoRA adapters of tiny checkpoints, which change what these write."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def make_adapter(base: Path, folder: Path) -> "torch.nn.Module":
    """An adapter for a checkpoint in a folder; the checkpoint with it merged, by peft."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(2)
    config = LoraConfig(r=4, lora_alpha=6, target_modules="all-linear", task_type="CAUSAL_LM")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peft asks for what transformers wants to rename
        wrapped = get_peft_model(AutoModelForCausalLM.from_pretrained(base), config)
        for name, weight in wrapped.named_parameters():
            if "lora_B" in name:
                weight.data.normal_(0, 0.5)
        wrapped.save_pretrained(str(folder))
        merged: torch.nn.Module = wrapped.merge_and_unload()
    return merged
