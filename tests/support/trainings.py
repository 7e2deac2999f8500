"""A training of a tiny checkpoint that takes a second."""

import random
from pathlib import Path

from starcoder_cli.engines.transformers.training.batches import Example, make_steps
from starcoder_cli.engines.transformers.training.trainer import (
    Trainer,
    TrainingData,
    TrainingOptions,
)
from starcoder_cli.weights.checkpoint import inspect_checkpoint

END = 0
OPTIONS = TrainingOptions(rank=4, alpha=8, learning_rate=1e-2, max_length=128, save_steps=2)


def examples(count: int = 16) -> list[Example]:
    """Prompts whose answers are their own last tokens."""
    rng = random.Random(0)
    prompts = [[rng.randrange(5, 40) for _ in range(rng.randint(8, 30))] for _ in range(count)]
    return [Example((*prompt, *prompt[-3:], END), len(prompt)) for prompt in prompts]


def data(epochs: int = 2, max_length: int = 128) -> TrainingData:
    """Steps to train on, and examples that are held out."""
    made = examples()
    return TrainingData(make_steps(made, max_length, epochs, seed=0), made[:4])


def trainer(folder: Path, work: Path, options: TrainingOptions = OPTIONS) -> Trainer:
    """A training of the checkpoint in a folder."""
    return Trainer(inspect_checkpoint(folder), data(), options, work, "tiny")
