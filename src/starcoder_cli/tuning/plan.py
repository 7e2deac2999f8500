"""What a training will take, estimated before it begins: tokens, steps, time, memory and disk."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from starcoder_cli.catalog import ModelSpec, format_size
from starcoder_cli.engines.transformers.training.batches import count_tokens
from starcoder_cli.engines.transformers.training.loss import CHUNK_POSITIONS
from starcoder_cli.engines.transformers.training.trainer import (
    Measurement,
    TrainingData,
    TrainingOptions,
)
from starcoder_cli.errors import MachineError, WriteError
from starcoder_cli.weights.checkpoint import inspect_checkpoint
from starcoder_cli.weights.gguf import read_gguf_header
from starcoder_cli.weights.model_config import find_count, read_model_config

LIBRARY_BYTES = 700_000_000
"""What torch, transformers and peft take before any weights are loaded."""

WIDTHS_KEPT, INNER_WIDTHS_KEPT = 18, 8
"""16-bit numbers that a layer keeps of each token for the backward pass, in widths of its parts."""

ADAPTER_NUMBER_BYTES = 16
"""A number of an adapter, its gradient, and the optimizer's two moments: 4 bytes each."""

EVALUATION_SPEEDUP = 3
"""Evaluating is the first third of the work of training."""


@dataclass(frozen=True)
class BaseShape:
    """How large a base is; `inner` is the width inside its feed-forward, `window` is in tokens."""

    parameters: int
    layers: int
    hidden: int
    inner: int
    vocabulary: int
    window: int
    is_gguf: bool

    @classmethod
    def of(cls, path: Path) -> "BaseShape":
        """The shape of a GGUF file or a checkpoint folder; raises what reading them raises."""
        if path.is_dir():
            checkpoint = inspect_checkpoint(path)
            config = read_model_config(path / "config.json")
            inner = find_count(config, "intermediate_size", "n_inner") or 4 * checkpoint.hidden_size
            return cls(
                checkpoint.parameters,
                checkpoint.layers,
                checkpoint.hidden_size,
                inner,
                checkpoint.vocabulary_size,
                checkpoint.window,
                is_gguf=False,
            )
        header = read_gguf_header(path)

        def number(key: str) -> int:
            value = header.metadata.get(f"{header.architecture}.{key}", 0)
            return value if isinstance(value, int) else 0

        sizes = {tensor.name: tensor.shape for tensor in header.tensors}
        parameters = 0
        for shape in sizes.values():
            count = 1
            for length in shape:
                count *= length
            parameters += count
        hidden = number("embedding_length")
        vocabulary = sizes.get("token_embd.weight", (0, 0))[-1]
        inner = number("feed_forward_length") or 4 * hidden
        return cls(
            parameters,
            number("block_count"),
            hidden,
            inner,
            vocabulary,
            header.window,
            is_gguf=True,
        )

    def adapter_parameters(self, rank: int) -> int:
        """Roughly how many numbers an adapter on all linear layers has."""
        return self.layers * rank * (8 * self.hidden + 3 * (self.hidden + self.inner))

    def training_memory(self, options: TrainingOptions) -> int:
        """Roughly how many bytes of memory a training takes."""
        widths = WIDTHS_KEPT * self.hidden + INNER_WIDTHS_KEPT * self.inner
        activations = 2 * options.max_length * self.layers * widths
        logits = 5 * 4 * CHUNK_POSITIONS * self.vocabulary
        adapter = ADAPTER_NUMBER_BYTES * self.adapter_parameters(options.rank)
        return 2 * self.parameters + activations + logits + adapter + LIBRARY_BYTES

    def disk(self, options: TrainingOptions) -> int:
        """Roughly how many bytes it writes: the base, the result, its prepared form, states."""
        adapter = ADAPTER_NUMBER_BYTES * self.adapter_parameters(options.rank)
        return (4 if self.is_gguf else 2) * self.parameters + round(1.1 * self.parameters) + adapter


@dataclass(frozen=True)
class TuningPlan:
    """What a training will take; `seconds` is None before anything has been measured."""

    examples: int
    held_out: int
    tokens: int
    steps: int
    memory: int
    disk: int
    evaluations: int
    held_out_tokens: int
    seconds: float | None = None

    @classmethod
    def of(cls, data: TrainingData, shape: BaseShape, options: TrainingOptions) -> "TuningPlan":
        """Create the plan of a training."""
        return cls(
            examples=sum(len(batch) for step in data.steps for batch in step),
            held_out=len(data.held_out),
            tokens=count_tokens(data.steps),
            steps=len(data.steps),
            memory=shape.training_memory(options),
            disk=shape.disk(options),
            evaluations=1 + -(-len(data.steps) // options.save_steps),
            held_out_tokens=sum(map(len, data.held_out)),
        )

    def measured(self, measurement: Measurement) -> "TuningPlan":
        """The plan updated by what a few seconds of training showed."""
        evaluating = self.evaluations * self.held_out_tokens / EVALUATION_SPEEDUP
        seconds = (self.tokens + evaluating) / measurement.tokens_per_second
        return replace(self, seconds=seconds, memory=measurement.peak_bytes)

    def rows(self) -> Iterator[tuple[str, str]]:
        """The plan as rows of a table."""
        yield "examples", f"{self.examples:,} to train on, {self.held_out:,} to evaluate on"
        yield "tokens", f"{self.tokens:,}"
        yield "steps", f"{self.steps:,}"
        yield "time", format_seconds(self.seconds) if self.seconds else "measured when it starts"
        yield "memory", f"about {format_size(self.memory)}"
        yield "disk", f"about {format_size(self.disk)}"

    def check_machine(self, spec: ModelSpec, free_memory: int, free_disk: int) -> None:
        """Raise MachineError if there is too little memory, WriteError if too little disk space."""
        if self.memory > free_memory:
            raise MachineError(
                f"tuning {spec.name} takes about {format_size(self.memory)} of memory, but only "
                f"{format_size(free_memory)} is free",
                "try a lower --max-length, or a smaller model with -m",
            )
        if self.disk > free_disk:
            raise WriteError(
                f"tuning {spec.name} takes about {format_size(self.disk)} on the disk, but only "
                f"{format_size(free_disk)} is free",
                "free some space or set STARCODER_MODELS_DIR",
            )


def format_seconds(seconds: float) -> str:
    """Format a duration as `about 40 s`, `about 12 min` or `about 3 h 20 min`."""
    if seconds < 60:
        return f"about {max(round(seconds), 1)} s"
    minutes = round(seconds / 60)
    return f"about {minutes} min" if minutes < 60 else f"about {minutes // 60} h {minutes % 60} min"
