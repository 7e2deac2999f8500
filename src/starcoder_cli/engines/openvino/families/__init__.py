"""A graph for each family of models, one module each, by the names that transformers gives them."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from openvino import Model

    from starcoder_cli.engines.openvino.families.config import ModelConfig
    from starcoder_cli.engines.openvino.matrices import CheckpointWeights

BuildGraph: TypeAlias = Callable[["ModelConfig", "CheckpointWeights"], "Model"]

FAMILIES: Mapping[str, str] = {
    "gemma": "gemma",
    "gpt_bigcode": "gpt_bigcode",
    "granite": "llama",
    "llama": "llama",
    "mistral": "llama",
    "qwen2": "llama",
    "qwen3": "llama",
    "stablelm": "stablelm",
    "starcoder2": "starcoder2",
}
"""The module here that has the graph of a kind of model."""


def find_family(model_type: str) -> BuildGraph:
    """The function that builds the graph of a kind of model in FAMILIES."""
    build: BuildGraph = import_module(f"{__name__}.{FAMILIES[model_type]}").build
    return build
