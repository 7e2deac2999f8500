"""How a user asks a model to be loaded."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starcoder_cli.errors import UsageError
from starcoder_cli.settings import DtypeChoice, EngineChoice, QuantizeChoice


@dataclass(frozen=True)
class LoadOptions:
    """How the user asks a model to be loaded; `adapter` is a folder's path, or empty.

    All but `engine` is about checkpoints.

    Raises UsageError for what no machine could do.
    """

    quantize: QuantizeChoice = "auto"
    device: str = "auto"
    dtype: DtypeChoice = "auto"
    adapter: str = ""
    engine: EngineChoice = "auto"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"auto|cpu|mps|cuda(:[0-9]+)?", self.device):
            raise UsageError(
                f"{self.device!r} is not a device", "give auto, cpu, mps, cuda or one GPU as cuda:0"
            )
        if self.quantize not in ("8bit", "4bit"):
            return
        if self.dtype == "fp32":
            raise UsageError(
                f"{self.quantize} and fp32 exclude each other", "give bf16 or fp16, or neither"
            )
        if self.device == "mps":
            raise UsageError(
                f"mps cannot compute in {self.quantize}",
                "leave out --quantize, or use a GGUF model",
            )

    def restricting_flags(self) -> list[str]:
        """The flags that leave less to choose from."""
        flags = {"--quantize": self.quantize, "--device": self.device, "--dtype": self.dtype}
        return [flag for flag, value in flags.items() if value != "auto"]


ENGINE_TITLES: Mapping[str, str] = {"llamacpp": "llama.cpp", "openvino": "OpenVINO"}

TYPICAL_ANSWER_TOKENS = 64
"""Tokens that most answers do not exceed, however many they may have."""

BYTES_PER_TOKEN = 3.5
"""Bytes of code that a token stands for, about."""


@dataclass(frozen=True)
class EngineWorkload:
    """How many tokens there are to read, and to write, with so many answers made at a time."""

    prompt_tokens: int
    answer_tokens: int
    slots: int = 1

    @classmethod
    def estimate(
        cls, windows: Sequence[int], max_tokens: int, answers: int = 1, slots: int = 1
    ) -> "EngineWorkload":
        """The work of prompts with windows of such sizes, with so many answers to each."""
        prompt_tokens = sum(max(window - max_tokens, 0) for window in windows) / BYTES_PER_TOKEN
        return cls(
            round(prompt_tokens),
            min(max_tokens, TYPICAL_ANSWER_TOKENS) * answers * len(windows),
            slots,
        )


@dataclass(frozen=True)
class EngineSpeed:
    """How fast an engine is with a model: seconds to load it and seconds that the first prompt
    takes longer than later ones, then tokens that it reads and writes in a second.
    """

    load: float
    warm_up: float
    read: float
    write: float

    def seconds_for(self, work: EngineWorkload) -> float:
        """How long the work takes, from nothing."""
        return (
            self.load
            + self.warm_up
            + work.prompt_tokens / self.read
            + work.answer_tokens / self.write
        )


def fastest_engine(speeds: Mapping[str, EngineSpeed], work: EngineWorkload) -> str:
    """The name of the engine that is expected to be done first; the first named one if equal."""
    return min(speeds, key=lambda name: speeds[name].seconds_for(work))
