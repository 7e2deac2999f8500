"""How a user asks a model to be loaded."""

import re
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
