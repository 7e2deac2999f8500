"""What a checkpoint's `config.json` says about its layers, and what no graph here supports."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starcoder_cli.engines.openvino.layers import Rope
from starcoder_cli.weights.model_config import find_count

if TYPE_CHECKING:
    from openvino import Node

GELU_FORMS = {"gelu": "erf", "gelu_new": "tanh", "gelu_pytorch_tanh": "tanh"}


class NoGraphError(Exception):
    """A configuration asks for something that no graph here does, but transformers does."""


@dataclass(frozen=True)
class ModelConfig:
    """A configuration's settings; `has_head` says whether the weights include their own head."""

    values: Mapping[str, object]
    has_head: bool

    def count(self, name: str, default: int = 0) -> int:
        """A whole number above 0, or the default."""
        return find_count(self.values, name) or default

    def number(self, name: str, default: float) -> float:
        """A number, or the default."""
        value = self.values.get(name, default)
        return float(value) if isinstance(value, int | float) else default

    def require(self, name: str, expected: object) -> None:
        """Raise NoGraphError if a setting differs from what the graph implements."""
        if self.values.get(name, expected) != expected:
            raise NoGraphError(name)

    def rope(self) -> Rope:
        """The rotary positions; raises NoGraphError for kinds that no graph here has."""
        parameters = self.values.get("rope_parameters") or self.values.get("rope_scaling") or {}
        if not isinstance(parameters, dict):
            raise NoGraphError("rope_scaling")
        kind = parameters.get("rope_type", parameters.get("type", "default"))
        if kind not in ("default", "linear"):
            raise NoGraphError("rope_scaling")
        named = {**self.values, **parameters}
        base, share = named.get("rope_theta", 10000.0), named.get("partial_rotary_factor", 1.0)
        divisor = parameters.get("factor", 1.0) if kind == "linear" else 1.0
        if not all(isinstance(each, int | float) for each in (base, share, divisor)):
            raise NoGraphError("rope_parameters")
        return Rope(float(base), float(divisor), float(share))

    def sliding_window(self) -> int:
        """How many tokens back a token sees; 0 for all. Raises NoGraphError if layers differ."""
        window = self.count("sliding_window")
        if self.values.get("model_type") == "mistral" or not window:
            return window
        self.require("use_sliding_window", False)
        return 0

    def activate(self, hidden: "Node", name: str) -> "Node":
        """Apply the activation that a setting names."""
        from openvino import opset15

        kind = self.values.get(name)
        if kind == "silu":
            return opset15.swish(hidden)
        if kind not in GELU_FORMS:
            raise NoGraphError(str(kind))
        return opset15.gelu(hidden, GELU_FORMS[str(kind)])

    def head(self, embedding: str) -> str:
        """The name of the matrix that gives the logits: the embedding's if it is shared."""
        is_tied = self.values.get("tie_word_embeddings", True) is not False
        return embedding if is_tied and not self.has_head else "lm_head"
