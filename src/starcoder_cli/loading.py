"""The user's options for loading a model."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from starcoder_cli.errors import UsageError
from starcoder_cli.settings import DtypeChoice, EngineChoice, QuantizeChoice


@dataclass(frozen=True)
class LoadOptions:
    """The user's options for loading a model; `adapter` is a folder's path, or empty.

    All except `engine` apply only to checkpoints.

    Raises UsageError for options that no machine could satisfy.
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
                f"{self.quantize} and fp32 cannot be used together", "give bf16 or fp16, or neither"
            )
        if self.device == "mps":
            raise UsageError(
                f"mps cannot compute in {self.quantize}",
                "leave out --quantize, or use a GGUF model",
            )

    def restricting_flags(self) -> list[str]:
        """The flags that narrow the choice."""
        flags = {"--quantize": self.quantize, "--device": self.device, "--dtype": self.dtype}
        return [flag for flag, value in flags.items() if value != "auto"]


ENGINE_TITLES: Mapping[str, str] = {"llamacpp": "llama.cpp", "openvino": "OpenVINO"}
