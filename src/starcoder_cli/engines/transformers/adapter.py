"""LoRA adapters (Hu et al. 2021, arXiv:2106.09685) through peft, looked through beforehand."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from starcoder_cli.errors import DataError, InputError, RefusedError
from starcoder_cli.weights.safetensors import read_header

if TYPE_CHECKING:
    from transformers import PreTrainedModel

WEIGHTS = "adapter_model.safetensors"
SETTINGS = "adapter_config.json"
MOST_BYTES = 1 << 20
# All that says how to add two small matrices. Other settings make peft read files that the adapter
# names, or import modules.
KNOWN = frozenset(
    {"alpha_pattern", "base_model_name_or_path", "bias", "ensure_weight_tying", "exclude_modules"}
    | {"fan_in_fan_out", "inference_mode", "init_lora_weights", "layers_pattern", "lora_alpha"}
    | {"layers_to_transform", "lora_bias", "lora_dropout", "megatron_core", "modules_to_save"}
    | {"peft_type", "peft_version", "qalora_group_size", "r", "rank_pattern", "revision"}
    | {"target_modules", "target_parameters", "task_type", "trainable_token_indices"}
    | {"use_dora", "use_rslora"}
)


@dataclass(frozen=True)
class Adapter:
    """An adapter that was looked through: its folder, and how many numbers it has.

    The folder is empty where no adapter is asked for.
    """

    folder: str = ""
    numbers: int = 0


def examine(path: str) -> Adapter:
    """The adapter at a path, which may begin with `~`; raises what `check` raises."""
    if not path:
        return Adapter()
    try:
        folder = Path(path).expanduser()
    except RuntimeError as error:  # no such user, or one without a home
        raise InputError(f"there is no adapter in {path}: {error}", "check the path") from error
    return Adapter(str(folder), check(folder))


def adapted(model: "PreTrainedModel", folder: str, *, merge: bool) -> "PreTrainedModel":
    """The model with an examined adapter on it, merged into weights that are not quantized."""
    from peft import PeftModel

    wrapped = PeftModel.from_pretrained(model, folder, local_files_only=True)
    result: PreTrainedModel = wrapped.merge_and_unload() if merge else wrapped
    return result.eval()


def check(folder: Path) -> int:
    """How many numbers an adapter has, once nothing in it is found to be wrong.

    One that is not LoRA in safetensors is refused, or that asks for code or other files. Raises
    InputError where there is none, DataError for a damaged one, RefusedError.
    """
    if not (folder / SETTINGS).is_file():
        raise InputError(f"there is no adapter in {folder}", f"it needs {SETTINGS} and {WEIGHTS}")
    if not (folder / WEIGHTS).is_file():
        raise RefusedError(
            f"{folder} has no {WEIGHTS}, and pickled weights can run code",
            "save the adapter as safetensors",
        )
    settings = read_settings(folder / SETTINGS)
    if settings.get("peft_type") != "LORA":
        raise DataError(f"{folder} is not a LoRA adapter", "other kinds cannot be used")
    for name in sorted(settings.keys() - KNOWN):
        if settings[name]:
            raise RefusedError(
                f"{SETTINGS} sets {name!r}, which is not needed and may load code",
                "remove it",
            )
    return read_header(folder / WEIGHTS).parameters


def read_settings(path: Path) -> dict[str, object]:
    """The settings of an adapter; DataError where they are none."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError("it is too large")
        settings = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read: {error}", "get the adapter again") from error
    if not isinstance(settings, dict):
        raise DataError(f"{path} holds no settings", "get the adapter again")
    return settings
