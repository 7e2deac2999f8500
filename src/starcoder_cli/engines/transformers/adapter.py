"""LoRA adapters (Hu et al. 2021, arXiv:2106.09685) through peft, checked before they are loaded."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from starcoder_cli.errors import DataError, InputError, RefusedError
from starcoder_cli.weights.safetensors import read_safetensors_header

if TYPE_CHECKING:
    from transformers import PreTrainedModel

ADAPTER_WEIGHTS_FILE = "adapter_model.safetensors"
ADAPTER_CONFIG_FILE = "adapter_config.json"
MAX_ADAPTER_CONFIG_BYTES = 1 << 20
# All settings about adding two small matrices. Others make peft read files that the adapter
# names, or import modules.
SAFE_CONFIG_KEYS = frozenset(
    {"alpha_pattern", "base_model_name_or_path", "bias", "ensure_weight_tying", "exclude_modules"}
    | {"fan_in_fan_out", "inference_mode", "init_lora_weights", "layers_pattern", "lora_alpha"}
    | {"layers_to_transform", "lora_bias", "lora_dropout", "megatron_core", "modules_to_save"}
    | {"peft_type", "peft_version", "qalora_group_size", "r", "rank_pattern", "revision"}
    | {"target_modules", "target_parameters", "task_type", "trainable_token_indices"}
    | {"use_dora", "use_rslora"}
)


@dataclass(frozen=True)
class LoraAdapter:
    """A checked adapter: its folder, and how many numbers it has.

    The folder is empty if no adapter is asked for.
    """

    folder: str = ""
    parameter_count: int = 0


def inspect_adapter(path: str) -> LoraAdapter:
    """Check the adapter at a path, which may begin with `~`; raises what `check_adapter` raises."""
    if not path:
        return LoraAdapter()
    try:
        folder = Path(path).expanduser()
    except RuntimeError as error:  # no such user, or one without a home
        raise InputError(f"there is no adapter in {path}: {error}", "check the path") from error
    return LoraAdapter(str(folder), check_adapter(folder))


def apply_adapter(model: "PreTrainedModel", folder: str, *, merge: bool) -> "PreTrainedModel":
    """The model with a checked adapter, merged into the weights if these are not quantized."""
    from peft import PeftModel

    wrapped = PeftModel.from_pretrained(model, folder, local_files_only=True)
    result: PreTrainedModel = wrapped.merge_and_unload() if merge else wrapped
    return result.eval()


def check_adapter(folder: Path) -> int:
    """Check an adapter and return how many numbers it has.

    It is refused if it is not LoRA in safetensors, or asks for code or other files. Raises
    InputError if there is none, DataError for a damaged one, RefusedError.
    """
    if not (folder / ADAPTER_CONFIG_FILE).is_file():
        raise InputError(
            f"there is no adapter in {folder}",
            f"it needs {ADAPTER_CONFIG_FILE} and {ADAPTER_WEIGHTS_FILE}",
        )
    if not (folder / ADAPTER_WEIGHTS_FILE).is_file():
        raise RefusedError(
            f"{folder} has no {ADAPTER_WEIGHTS_FILE}, and pickled weights can run code",
            "save the adapter as safetensors",
        )
    settings = read_adapter_config(folder / ADAPTER_CONFIG_FILE)
    if settings.get("peft_type") != "LORA":
        raise DataError(f"{folder} is not a LoRA adapter", "other kinds cannot be used")
    for name in sorted(settings.keys() - SAFE_CONFIG_KEYS):
        if settings[name]:
            raise RefusedError(
                f"{ADAPTER_CONFIG_FILE} sets {name!r}, which is not needed and may load code",
                "remove it",
            )
    return read_safetensors_header(folder / ADAPTER_WEIGHTS_FILE).parameter_count


def read_adapter_config(path: Path) -> dict[str, object]:
    """The settings of an adapter; raises DataError if the file does not hold any."""
    try:
        if path.stat().st_size > MAX_ADAPTER_CONFIG_BYTES:
            raise ValueError("it is too large")
        settings = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read: {error}", "get the adapter again") from error
    if not isinstance(settings, dict):
        raise DataError(f"{path} holds no settings", "get the adapter again")
    return settings
