"""Trains an adapter step by step, and keeps the best one on disk."""

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
    """The loss is not a number any more."""


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
    """The steps to train on, and the examples from held-out files."""

    steps: Sequence[Step]
    held_out: Sequence[Example]

    def digest(self, checkpoint: Checkpoint, options: TrainingOptions) -> str:
        """A digest that identifies a training by its checkpoint, options and examples."""
        files = [(path.name, path.stat().st_size) for path in checkpoint.files]
        examples = [example.ids for step in self.steps for batch in step for example in batch]
        return hashlib.sha256(repr((files, options, examples)).encode()).hexdigest()


@dataclass(frozen=True)
class StepReport:
    """The outcome of a step, with `scores` if the adapter was evaluated after it."""

    step: int
    total: int
    loss: float
    scores: HeldOutScores | None = None


@dataclass(frozen=True)
class Measurement:
    """How fast this machine trains, and the peak memory that took in bytes."""

    tokens_per_second: float
    peak_bytes: int


class Trainer:
    """Trains an adapter on a base model; `folder` is where its checkpoints go."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        data: TrainingData,
        options: TrainingOptions,
        folder: Path,
        base_name: str,
    ) -> None:
        """Load the base, and continue from the last checkpoint of the same training.

        Raises DataError for damaged files, MachineError if memory is short.
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
        """Compute gradients for `seconds` without using them, the longest batch first."""
        batches = [batch for step in self.data.steps for batch in step]
        tokens, begin = 0, time.monotonic()
        with translate_out_of_memory():
            batches.sort(key=lambda each: -max(map(len, each)) * len(each))
            for number, batch in enumerate(batches):
                weights = self.options.weights.for_batch(number)
                backward(self.model, batch, Totals.of([batch]), weights)
                tokens += sum(map(len, batch))
                return_free_memory()
                if time.monotonic() - begin >= seconds:
                    break
        rate = tokens / max(time.monotonic() - begin, 1e-6)
        self.optimizer.zero_grad()
        return Measurement(rate, peak_memory())

    def evaluate(self) -> HeldOutScores:
        """The scores on held-out files."""
        with translate_out_of_memory():
            return evaluate(self.model, self.data.held_out, self.options.max_length)

    def evaluate_base(self) -> HeldOutScores:
        """The base model's scores on held-out files."""
        with self.model.disable_adapter():
            return self.evaluate()

    def run(self) -> Iterator[StepReport]:
        """Take the remaining steps; the adapter is evaluated and kept after every few of them.

        Raises DivergedError if the loss is not a number, WriteError if the disk is full.
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
        """Keep the adapter as it is, as the best if none was kept so far."""
        if self.state.best is None:
            self._keep(self.evaluate())
        else:
            save_state(self.folder, self.state, self.model, self.optimizer)

    def _take_step(self, number: int, total: int) -> float:
        """Take one step of the optimizer on a step's batches; return the loss before it."""
        import torch

        batches = self.data.steps[number]
        totals, loss = Totals.of(batches), 0.0
        self.optimizer.zero_grad()
        with translate_out_of_memory():
            for index, batch in enumerate(batches):
                weights = self.options.weights.for_batch(number + index)
                loss += backward(self.model, batch, totals, weights)
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
        """Keep the adapter if it is the best so far, then the state."""
        weights, best = self.options.weights, self.state.best
        if best is None or scores.loss(weights) < best.loss(weights):
            save_adapter(self.folder, self.model, self.base_name, self.state.step)
            self.state = replace(self.state, best=scores)
        save_state(self.folder, self.state, self.model, self.optimizer)


def rate_at(number: int, total: int) -> float:
    """The share of the learning rate at a step: it rises for a few steps, then falls to nothing."""
    warmup = max(round(WARMUP_SHARE * total), 1)
    return min(1.0, (number + 1) / warmup) * (1 - number / total)


def load_with_adapter(checkpoint: Checkpoint, options: TrainingOptions) -> "PeftModel":
    """A checkpoint in bf16 with a new adapter on all its linear layers, seeded reproducibly."""
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
    """Return freed memory to the system: glibc keeps blocks of every length that batches had."""
    if sys.platform == "linux":
        import ctypes

        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl does not have it
        if trim:
            trim(0)


def peak_memory() -> int:
    """The peak memory of this process in bytes; on GPUs, torch's."""
    from starcoder_cli.engines.machine import peak_gpu_memory

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak_gpu_memory() or (peak if sys.platform == "darwin" else peak * 1024)
