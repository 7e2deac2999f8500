"""Loads a checkpoint's weights where and how a plan says, and turns failures into our errors.

A checkpoint is loaded from its folder alone: safetensors, no code of its own, no network.
"""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from starcoder_cli.engines.transformers.placement import PlacementPlan
from starcoder_cli.engines.transformers.quantize import bitsandbytes_config, torch_dtype
from starcoder_cli.errors import DataError, MachineError
from starcoder_cli.weights.checkpoint import Checkpoint
from starcoder_cli.weights.model_config import REFETCH

if TYPE_CHECKING:
    from transformers import PreTrainedModel

MAX_DERIVED_NUMBERS = 1 << 28
"""How many numbers, such as masks and sines of positions, a model may derive from its settings."""


def load_transformer(checkpoint: Checkpoint, plan: PlacementPlan) -> "PreTrainedModel":
    """Load a folder's weights as the plan says; raises DataError if some are missing."""
    import transformers

    architecture = getattr(transformers, checkpoint.architecture)
    check_size(checkpoint, architecture)
    model, report = architecture.from_pretrained(
        checkpoint.folder,
        dtype=torch_dtype(plan.dtype),
        device_map=device_map(plan.device),
        quantization_config=bitsandbytes_config(plan),
        attn_implementation="sdpa" if architecture._supports_sdpa else "eager",
        use_safetensors=True,
        local_files_only=True,
        trust_remote_code=False,
        ignore_mismatched_sizes=True,
        output_loading_info=True,
    )
    for key in report["missing_keys"]:
        raise DataError(f"{checkpoint.folder} lacks the weights {key!r}", REFETCH)
    for key, stored, expected in report["mismatched_keys"]:
        raise DataError(
            f"{checkpoint.folder} has the weights {key!r} as {list(stored)}, not {list(expected)}",
            REFETCH,
        )
    if plan.device == "cuda" and {"cpu", "disk"} & set(model.hf_device_map.values()):
        raise MemoryError("accelerate has left to the processor what the GPUs have no room for")
    loaded: PreTrainedModel = model.eval()
    return loaded


def check_size(checkpoint: Checkpoint, architecture: "type[PreTrainedModel]") -> None:
    """Refuse a configuration of far more weights than there are: all would be made at once.

    The model is built without memory for its weights to count them.
    """
    import torch

    config = architecture.config_class.from_pretrained(checkpoint.folder, local_files_only=True)
    with torch.device("meta"):
        model = architecture(config)
    described = sum(each.numel() for each in model.parameters())
    derived = sum(each.numel() for each in model.buffers())
    if described > 2 * checkpoint.parameters or derived > MAX_DERIVED_NUMBERS:
        raise DataError(
            f"{checkpoint.folder / 'config.json'} does not describe the weights beside it", REFETCH
        )


def device_map(device: str) -> str | dict[str, str] | None:
    """Where the weights go, in accelerate's terms: `cuda` alone means all GPUs together."""
    if device == "cpu":
        return None
    return "auto" if device == "cuda" else {"": device}


@contextmanager
def translate_load_errors(checkpoint: Checkpoint) -> Iterator[None]:
    """Silence the libraries, and turn their errors into ours."""
    import logging

    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    with warnings.catch_warnings(), translate_out_of_memory():
        warnings.simplefilter("ignore")
        try:
            yield
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            if is_out_of_memory(error):
                raise
            reason = " ".join(str(error).split())[:300]
            raise DataError(f"{checkpoint.folder} cannot be loaded: {reason}", REFETCH) from error


@contextmanager
def translate_out_of_memory() -> Iterator[None]:
    """Turn every way of running out of memory into one of our errors."""
    try:
        yield
    except (RuntimeError, MemoryError, ValueError) as error:
        if not is_out_of_memory(error):
            raise
        raise MachineError(
            "the memory is full", "try --quantize 8bit or 4bit, or a smaller model"
        ) from error


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error means too little memory, for which torch has a class on GPUs alone.

    For quantized layers that several GPUs have no room for, transformers raises a ValueError.
    """
    return isinstance(error, MemoryError) or bool(
        re.search("out of memory|allocate memory|dispatched on the CPU", str(error), re.IGNORECASE)
    )
