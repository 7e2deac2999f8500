"""How a user asks a model to be loaded."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starcoder_cli.errors import UsageError
from starcoder_cli.settings import Dtype, Engine, Quantize


@dataclass(frozen=True)
class Loading:
    """How the user asks a model to be loaded; `adapter` is a folder's path, or empty.

    All but `engine` is about checkpoints.

    Raises UsageError for what no machine could do.
    """

    quantize: Quantize = "auto"
    device: str = "auto"
    dtype: Dtype = "auto"
    adapter: str = ""
    engine: Engine = "auto"

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

    def asked(self) -> list[str]:
        """The flags that leave less to choose from."""
        given = {"--quantize": self.quantize, "--device": self.device, "--dtype": self.dtype}
        return [flag for flag, value in given.items() if value != "auto"]


TITLES: Mapping[str, str] = {"llamacpp": "llama.cpp", "openvino": "OpenVINO"}

TYPICAL = 64
"""Tokens that most answers do not exceed, however many they may have."""

BYTES = 3.5
"""Bytes of code that a token stands for, about."""


@dataclass(frozen=True)
class Work:
    """How many tokens there are to read, and to write, with so many answers made at a time."""

    read: int
    write: int
    slots: int = 1

    @classmethod
    def of(cls, rooms: Sequence[int], max_tokens: int, answers: int = 1, slots: int = 1) -> "Work":
        """What to expect of prompts that surely have such rooms, with so many answers to each."""
        read = sum(max(room - max_tokens, 0) for room in rooms) / BYTES
        return cls(round(read), min(max_tokens, TYPICAL) * answers * len(rooms), slots)


@dataclass(frozen=True)
class Pace:
    """How fast an engine is with a model: seconds to load it and seconds that the first prompt
    takes longer than later ones, then tokens that it reads and writes in a second.
    """

    load: float
    warm_up: float
    read: float
    write: float

    def seconds(self, work: Work) -> float:
        """How long the work takes, from nothing."""
        return self.load + self.warm_up + work.read / self.read + work.write / self.write


def soonest(paces: Mapping[str, Pace], work: Work) -> str:
    """The name of the engine that is expected to be done first; the first named one if equal."""
    return min(paces, key=lambda name: paces[name].seconds(work))
