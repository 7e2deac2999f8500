"""The training of an adapter: one step after the other, with the best one kept on the disk."""

import hashlib
import math
import resource
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from starcoder_cli.engines.transformers.loading import (
    load_transformer,
    translate_load_errors,
    translate_out_of_memory,
)
from starcoder_cli.engines.transformers.placement import PlacementPlan
from starcoder_cli.engines.transformers.training.batches import Example, Step
from starcoder_cli.engines.transformers.training.evaluate import HeldOutScores, evaluate
from starcoder_cli.engines.transformers.training.loss import LossWeights, Totals, backward
from starcoder_cli.engines.transformers.training.state import (
    TrainingState,
    load_state,
    save_adapter,
    save_state,
    trained_weights,
)
from starcoder_cli.errors import MachineError
from starcoder_cli.system.signals import defer_signals
from starcoder_cli.weights.checkpoint import Checkpoint

if TYPE_CHECKING:
    from peft import PeftModel

WARMUP_SHARE = 0.05
MAX_GRADIENT_NORM = 1.0


class DivergedError(MachineError):
    """The loss is no number any more."""


@dataclass(frozen=True)
class TrainingOptions:
    """How an adapter is trained: its rank, its scale, how fast, and how often it is evaluated."""

    rank: int = 16
    alpha: int = 32
    learning_rate: float = 1e-4
    max_length: int = 1024
    save_steps: int = 25
    seed: int = 0
    weights: LossWeights = LossWeights()


@dataclass(frozen=True)
class TrainingData:
    """The steps to train on, and the examples of files that are held out."""

    steps: Sequence[Step]
    held_out: Sequence[Example]

    def digest(self, checkpoint: Checkpoint, options: TrainingOptions) -> str:
        """What tells a training from every other one."""
        files = [(path.name, path.stat().st_size) for path in checkpoint.files]
        examples = [example.ids for step in self.steps for batch in step for example in batch]
        return hashlib.sha256(repr((files, options, examples)).encode()).hexdigest()


@dataclass(frozen=True)
class StepReport:
    """What a step came to; `scores` where it was evaluated after it."""

    step: int
    total: int
    loss: float
    scores: HeldOutScores | None = None


@dataclass(frozen=True)
class Measurement:
    """How fast this machine trains, and how many bytes of memory that took."""

    tokens_per_second: float
    peak_bytes: int


class Trainer:
    """A base with an adapter on it that is trained; `folder` is where its checkpoints go."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        data: TrainingData,
        options: TrainingOptions,
        folder: Path,
        base_name: str,
    ) -> None:
        """Load the base, and go on from the last checkpoint of the same training.

        Raises DataError for damaged files, MachineError where memory is short.
        """
        import torch

        self.data, self.options, self.folder = data, options, folder
        self.base_name = base_name
        self.model = load_with_adapter(checkpoint, options)
        self.optimizer = torch.optim.AdamW(
            [weight for _, weight in trained_weights(self.model)],
            lr=options.learning_rate,
            betas=(0.9, 0.99),
            weight_decay=0.0,
        )
        digest = data.digest(checkpoint, options)
        state = load_state(folder, digest, self.model, self.optimizer)
        self.state = state or TrainingState(digest)

    def measure(self, seconds: float) -> Measurement:
        """Compute gradients for so many seconds without using them, the longest batch first."""
        batches = [batch for step in self.data.steps for batch in step]
        tokens, begin = 0, time.monotonic()
        with translate_out_of_memory():
            for batch in sorted(batches, key=lambda each: -max(map(len, each)) * len(each)):
                backward(self.model, batch, Totals.of([batch]), self.options.weights)
                tokens += sum(map(len, batch))
                return_free_memory()
                if time.monotonic() - begin >= seconds:
                    break
        rate = tokens / max(time.monotonic() - begin, 1e-6)
        self.optimizer.zero_grad()
        return Measurement(rate, peak_memory())

    def evaluate(self) -> HeldOutScores:
        """The scores on files that are held out."""
        with translate_out_of_memory():
            return evaluate(self.model, self.data.held_out, self.options.max_length)

    def evaluate_base(self) -> HeldOutScores:
        """Those of the base."""
        with self.model.disable_adapter():
            return self.evaluate()

    def run(self) -> Iterator[StepReport]:
        """Take the steps that are left; it is evaluated and kept after every few of them.

        Raises DivergedError where the loss is no number, WriteError where the disk is full.
        """
        total = len(self.data.steps)
        for number in range(self.state.step, total):
            loss = self._take_step(number, total)
            done, scores = number + 1, None
            self.state = replace(self.state, step=done)
            if done % self.options.save_steps == 0 or done == total:
                scores = self.evaluate()
                self._keep(scores)
            yield StepReport(done, total, loss, scores)

    def keep_current(self) -> None:
        """Keep the adapter as it is, as the best where none was kept so far."""
        if self.state.best is None:
            self._keep(self.evaluate())
        else:
            save_state(self.folder, self.state, self.model, self.optimizer)

    def _take_step(self, number: int, total: int) -> float:
        """The gradients of a step's batches, and one step of the optimizer; the loss before it."""
        import torch

        batches = self.data.steps[number]
        totals, loss = Totals.of(batches), 0.0
        self.optimizer.zero_grad()
        with translate_out_of_memory():
            for batch in batches:
                loss += backward(self.model, batch, totals, self.options.weights)
                return_free_memory()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), MAX_GRADIENT_NORM)
        if not math.isfinite(loss) or not torch.isfinite(norm):
            raise DivergedError(
                f"the loss is not a number at step {number + 1}", "try a lower --learning-rate"
            )
        for group in self.optimizer.param_groups:
            group["lr"] = self.options.learning_rate * rate_at(number, total)
        with defer_signals():  # Ctrl-C never leaves half a step
            self.optimizer.step()
        return loss

    def _keep(self, scores: HeldOutScores) -> None:
        """Keep the adapter where it is the best so far, then the state."""
        weights, best = self.options.weights, self.state.best
        if best is None or scores.loss(weights) < best.loss(weights):
            save_adapter(self.folder, self.model, self.base_name, self.state.step)
            self.state = replace(self.state, best=scores)
        save_state(self.folder, self.state, self.model, self.optimizer)


def rate_at(number: int, total: int) -> float:
    """The share of the learning rate at a step: it rises for a few, then falls to nothing."""
    warmup = max(round(WARMUP_SHARE * total), 1)
    return min(1.0, (number + 1) / warmup) * (1 - number / total)


def load_with_adapter(checkpoint: Checkpoint, options: TrainingOptions) -> "PeftModel":
    """A checkpoint in bf16 with a new adapter on all its linear layers, the same for a seed."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    plan = PlacementPlan(device, "none", "bf16", 0, 0)
    with translate_load_errors(checkpoint):
        from peft import LoraConfig, get_peft_model

        base = load_transformer(checkpoint, plan)
        config = LoraConfig(
            r=options.rank,
            lora_alpha=options.alpha,
            lora_dropout=0.0,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        )
        torch.manual_seed(options.seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # peft asks for what transformers wants to rename
            return get_peft_model(base, config)


def return_free_memory() -> None:
    """Give the system what was freed: glibc keeps blocks of every length that batches ever had."""
    if sys.platform == "linux":
        import ctypes

        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # which musl has not
        if trim:
            trim(0)


def peak_memory() -> int:
    """The most bytes of memory that this process has had, on GPUs those of torch."""
    from starcoder_cli.engines.machine import peak_gpu_memory

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak_gpu_memory() or (peak if sys.platform == "darwin" else peak * 1024)
