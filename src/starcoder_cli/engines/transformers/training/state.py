"""The state of a training, written to disk atomically so that a killed one can resume."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from starcoder_cli.engines.transformers.adapter import ADAPTER_CONFIG_FILE
from starcoder_cli.engines.transformers.training.evaluate import HeldOutScores
from starcoder_cli.errors import StarcoderError, WriteError

if TYPE_CHECKING:
    import torch
    from peft import PeftModel

STATE_FILE, BEST_FOLDER = "state.safetensors", "best"


@dataclass(frozen=True)
class TrainingState:
    """How many steps of which training are done, and the scores of the best adapter so far."""

    digest: str
    step: int = 0
    best: HeldOutScores | None = None

    @classmethod
    def parse(cls, text: str) -> "TrainingState":
        """Parse what `save_state` wrote; raises ValueError, KeyError or TypeError if it did not."""
        values = json.loads(text)
        best = values["best"] and HeldOutScores(**values["best"])
        return cls(str(values["digest"]), int(values["step"]), best)


def save_state(
    folder: Path, state: TrainingState, model: "PeftModel", optimizer: "torch.optim.Optimizer"
) -> None:
    """Write the adapter, the optimizer's memory and the state, replacing the previous ones.

    Raises WriteError for a full disk; what was written before stays.
    """
    from safetensors.torch import save_file

    tensors = dict[str, "torch.Tensor"]()
    for name, weight in trained_weights(model):
        tensors[f"weight.{name}"] = weight.detach().contiguous()
        for key, value in optimizer.state.get(weight, {}).items():
            tensors[f"{key}.{name}"] = value.contiguous()
    part = folder / f"{STATE_FILE}.part"
    with checkpoint_errors(folder, state.step):
        folder.mkdir(parents=True, exist_ok=True)
        save_file(tensors, part, {"state": json.dumps(asdict(state))})
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(folder / STATE_FILE)


def load_state(
    folder: Path, digest: str, model: "PeftModel", optimizer: "torch.optim.Optimizer"
) -> TrainingState | None:
    """Resume from a state of the same training, or return None if there is none."""
    state = read_state(folder)
    if state is None or state.digest != digest:
        return None
    from safetensors.torch import load_file

    tensors = load_file(folder / STATE_FILE)
    for name, weight in trained_weights(model):
        weight.data.copy_(tensors[f"weight.{name}"])
        values = {
            key: tensors[f"{key}.{name}"]
            for key in ("step", "exp_avg", "exp_avg_sq")
            if f"{key}.{name}" in tensors
        }
        if values:
            optimizer.state[weight] = values
    return state


def read_state(folder: Path) -> TrainingState | None:
    """The state stored in a folder, or None if it is missing or makes no sense."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(folder / STATE_FILE, "pt") as file:
            return TrainingState.parse((file.metadata() or {}).get("state", ""))
    except (OSError, ValueError, KeyError, TypeError, SafetensorError):
        return None


def save_adapter(folder: Path, model: "PeftModel", base_name: str, step: int) -> Path:
    """Write the adapter as peft does, replacing the previous best; raises WriteError as above."""
    best, part = folder / BEST_FOLDER, folder / f"{BEST_FOLDER}.part"
    with checkpoint_errors(folder, step):
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        model.save_pretrained(str(part))
        path = part / ADAPTER_CONFIG_FILE
        settings = json.loads(path.read_text("utf-8")) | {"base_model_name_or_path": base_name}
        path.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
        (part / "README.md").unlink(missing_ok=True)
        shutil.rmtree(best, ignore_errors=True)
        part.replace(best)
    return best


def trained_weights(model: "PeftModel") -> Iterator[tuple[str, "torch.nn.Parameter"]]:
    """The weights of the adapter by name."""
    return ((name, each) for name, each in model.named_parameters() if each.requires_grad)


@contextmanager
def checkpoint_errors(folder: Path, step: int) -> Iterator[None]:
    """Turn write failures into one error that says how to continue."""
    from safetensors import SafetensorError

    try:
        yield
    except StarcoderError:
        raise
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())[:200]
        raise WriteError(
            f"cannot write the checkpoint after step {step} to {folder}: {reason}",
            "free some space and run the same command again: it goes on from the last checkpoint",
        ) from error
