"""How fast `starcoder tune` trains beside a bare loop of peft and torch, on the same batches.

    python bench/tune_rate.py REPOSITORY [--model NAME] [--max-length 512] [--steps 6]

Both take steps on the same adapter by turns, in one process. The bare loop gives the whole batch to
transformers' own model with labels, as its examples do, and takes a step of AdamW.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from starcoder_cli.app.fetch import fetch
from starcoder_cli.app.tune import make_base, open_tokenizer
from starcoder_cli.app.tune_request import PreparedData, TuneRequest
from starcoder_cli.catalog import SMALL_MODEL
from starcoder_cli.engines.transformers.training.batches import Step
from starcoder_cli.engines.transformers.training.loss import LossWeights
from starcoder_cli.engines.transformers.training.trainer import (
    MAX_GRADIENT_NORM,
    Trainer,
    TrainingOptions,
)
from starcoder_cli.terminal.output import Messages
from starcoder_cli.weights.checkpoint import inspect_checkpoint

NOT_LEARNT = -100
"""The label that transformers leaves out of the loss."""


def open_trainer(request: TuneRequest, folder: Path) -> Trainer:
    """The trainer that `starcoder tune` would use."""
    messages, spec = Messages(quiet=True), request.find_base()
    prepared = PreparedData.of(request, messages)
    path = fetch(spec, messages, lambda: None, request.offline)
    data = prepared.training_data(request, spec, open_tokenizer(path, folder))
    base = path if path.is_dir() else make_base(path, folder, messages)
    return Trainer(inspect_checkpoint(base), data, request.training, folder, spec.name)


def take_bare_step(trainer: Trainer, step: Step) -> None:
    """Take a step as a script does that knows only transformers, peft and torch."""
    import torch

    trainer.optimizer.zero_grad()
    for batch in step:
        width = max(map(len, batch))
        ids = torch.zeros((len(batch), width), dtype=torch.long)
        mask, labels = torch.zeros_like(ids), torch.full_like(ids, NOT_LEARNT)
        for row, example in enumerate(batch):
            ids[row, : len(example)] = torch.tensor(example.ids)
            mask[row, : len(example)] = 1
            labels[row, example.answer_start : len(example)] = ids[
                row, example.answer_start : len(example)
            ]
        output = trainer.model(input_ids=ids, attention_mask=mask, labels=labels)
        (output.loss / len(step)).backward()
    torch.nn.utils.clip_grad_norm_(trainer.model.parameters(), MAX_GRADIENT_NORM)
    trainer.optimizer.step()


def measure(trainer: Trainer, steps: Sequence[Step]) -> dict[str, list[float]]:
    """The tokens a second of each way on each step, by turns; the first step warms up."""
    without_base = replace(trainer.options, weights=LossWeights(divergence=0.0))
    as_it_is, total = trainer.options, len(trainer.data.steps)

    def take_ours(options: TrainingOptions, number: int) -> None:
        trainer.options = options
        trainer._take_step(number, total)

    ways: dict[str, Callable[[int], None]] = {
        "starcoder tune": lambda number: take_ours(as_it_is, number),
        "without the base's distribution": lambda number: take_ours(without_base, number),
        "bare peft": lambda number: take_bare_step(trainer, steps[number]),
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for number, step in enumerate(steps):
        tokens = sum(len(example) for batch in step for example in batch)
        for name, take in ways.items():
            begin = time.monotonic()
            take(number)
            if number:
                rates[name].append(tokens / (time.monotonic() - begin))
    return rates


def main() -> None:
    """Print the rates, and the ratio to the bare loop's, of medians and of steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repository", type=Path)
    parser.add_argument("--model", default=SMALL_MODEL)
    parser.add_argument("--max-length", type=int, default=512)
    parser.add_argument("--steps", type=int, default=6)
    options = parser.parse_args()
    training = TrainingOptions(max_length=options.max_length)
    request = TuneRequest((options.repository,), options.model, training=training)
    request = replace(request, examples=replace(request.examples, max_length=options.max_length))
    with tempfile.TemporaryDirectory() as folder:
        trainer = open_trainer(request, Path(folder))
        rates = measure(trainer, trainer.data.steps[: options.steps + 1])
    bare = rates["bare peft"]
    print("| way | tokens a second | beside the bare loop | of each step |\n|---|---|---|---|")
    for name, each in rates.items():
        ratios = [own / other for own, other in zip(each, bare, strict=True)]
        print(
            f"| {name} | {statistics.median(each):.1f} | {statistics.median(ratios):.2f} "
            f"| {min(ratios):.2f} to {max(ratios):.2f} |"
        )


if __name__ == "__main__":
    main()
