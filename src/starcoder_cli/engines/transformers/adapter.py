"""LoRA adapters (Hu et al. 2021, arXiv:2106.09685) through peft, checked before they are loaded."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from starcoder_cli.engines.transformers.loading import is_out_of_memory
from starcoder_cli.errors import DataError, InputError, RefusedError
from starcoder_cli.system.foreign import ForeignError, foreign_errors
from starcoder_cli.weights.model_config import shorten_repr
from starcoder_cli.weights.safetensors import read_safetensors_header

if TYPE_CHECKING:
    from peft import LoraConfig
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
# peft makes regular expressions of these. Only forms are allowed that are quick to match.
PATTERN_KEYS = (
    *("alpha_pattern", "exclude_modules", "layers_pattern", "modules_to_save"),
    *("rank_pattern", "target_modules", "target_parameters"),
)
MODULE_NAME = re.compile(r"\^?(?:\.\*)?(?:[\w-]|\\?\.|\\d\+){1,300}\$?", re.ASCII)
EVERY_MODULE = "all-linear"
# How matrices began before they were trained. Some ways change the weights that they are added to.
INITIALIZATION = re.compile(r"gaussian|eva|orthogonal|olora|pissa(_niter_\d{1,2})?")
MAX_RANK = 1 << 14
MAX_NAMES = 1000
"""The most names in a setting: peft compares each one with each module."""
ADAPTED_MODULE = re.compile(r"base_model\.model\.(?P<module>.+?)\.lora_(?:embedding_)?A\b")


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
    """The model with a checked adapter, merged into the weights if these are not quantized.

    Raises DataError if it cannot be added to this model.
    """
    from peft import LoraConfig, PeftModel

    try:
        with foreign_errors():
            config = LoraConfig.from_pretrained(folder)
            name_modules(config, Path(folder))
            wrapped = PeftModel.from_pretrained(model, folder, config=config, local_files_only=True)
            result: PreTrainedModel = wrapped.merge_and_unload() if merge else wrapped
            return result.eval()
    except ForeignError as error:
        if is_out_of_memory(error.cause):
            raise error.cause from error
        reason = " ".join(str(error).split())[:300]
        raise DataError(
            f"the adapter in {folder} cannot be added: {reason}",
            "choose the model that it was made for",
        ) from error


def name_modules(config: "LoraConfig", folder: Path) -> None:
    """Name the modules of an adapter that gives patterns for them: its weights have the names.

    A regular expression of somebody else's can take for ever to match.
    """
    if is_expression(config.target_modules) or isinstance(config.exclude_modules, str):
        names = read_safetensors_header(folder / ADAPTER_WEIGHTS_FILE).tensors
        found = filter(None, map(ADAPTED_MODULE.match, names))
        config.target_modules = [match["module"] for match in found]
        config.exclude_modules = config.layers_to_transform = config.layers_pattern = None


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
    for name, value in find_odd_values(settings):
        raise DataError(
            f"{folder / ADAPTER_CONFIG_FILE} sets {name!r} to an unknown value: "
            f"{shorten_repr(value)}",
            "get the adapter again",
        )
    return read_safetensors_header(folder / ADAPTER_WEIGHTS_FILE).parameter_count


def find_odd_values(settings: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Settings whose values no adapter needs, and which take peft long or make it fail."""
    for name in PATTERN_KEYS:
        value = settings.get(name)
        may_be_expression = name in ("target_modules", "exclude_modules")
        if isinstance(value, str) and may_be_expression and not settings.get("target_parameters"):
            continue
        names = value if isinstance(value, list | dict) else [] if value is None else [value]
        is_known = all(isinstance(each, str) and MODULE_NAME.fullmatch(each) for each in names)
        if not is_known or len(names) > MAX_NAMES:
            yield name, value
    ways = settings.get("init_lora_weights", True)
    if not isinstance(ways, bool) and not INITIALIZATION.fullmatch(str(ways)):
        yield "init_lora_weights", ways
    ranks = settings.get("rank_pattern")
    for rank in (settings.get("r", 1), *(ranks.values() if isinstance(ranks, dict) else ())):
        if type(rank) is not int or not 0 < rank <= MAX_RANK:
            yield "r", rank


def is_expression(modules: object) -> bool:
    """Whether modules are given by a regular expression."""
    return isinstance(modules, str) and modules.lower() != EVERY_MODULE


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
