"""What `starcoder tune` is asked for, and the examples that result."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from starcoder_cli.attribution.licences import LicenceAllowList
from starcoder_cli.catalog import (
    TUNED_NAME,
    ModelSpec,
    find_model,
    is_catalog_name,
    read_tuned,
)
from starcoder_cli.engines.decoding.tokenizer import CheckpointTokenizer
from starcoder_cli.engines.transformers.training.batches import make_steps
from starcoder_cli.engines.transformers.training.trainer import TrainingData, TrainingOptions
from starcoder_cli.errors import DataError, UsageError
from starcoder_cli.prompts.fim import FimFormat
from starcoder_cli.prompts.fim_formats import detect_fim_format, find_fim_format
from starcoder_cli.settings import models_dir
from starcoder_cli.terminal.output import Messages
from starcoder_cli.tuning.data_set import DataSet, build_data_set
from starcoder_cli.tuning.examples import ExampleBuilder, ExampleOptions
from starcoder_cli.tuning.holes import CutHole, cut_holes

MAX_HELD_OUT_HOLES = 48


@dataclass(frozen=True)
class TuneRequest:
    """What is asked for: code, a base, a name, how to train, and what to do with the plan."""

    paths: tuple[Path, ...]
    model: str
    name: str = ""
    training: TrainingOptions = TrainingOptions()
    examples: ExampleOptions = ExampleOptions()
    epochs: int = 1
    max_steps: int | None = None
    allowed: LicenceAllowList | None = None
    index: str | None = None
    data_card: str = ""
    offline: bool = False

    def check(self) -> "TuneRequest":
        """Return the request itself; raises UsageError for numbers out of range."""
        training, examples = self.training, self.examples
        limits: tuple[tuple[str, float | None, float, float], ...] = (
            ("--rank", training.rank, 1, 256),
            ("--alpha", training.alpha, 1, 1024),
            ("--learning-rate", training.learning_rate, 1e-7, 0.1),
            ("--max-length", training.max_length, 128, 8192),
            ("--save-steps", training.save_steps, 1, 10**6),
            ("--seed", training.seed, 0, 2**32 - 2),
            ("--fim-rate", examples.fim_rate, 0, 1),
            ("--fim-spm-rate", examples.fim_spm_rate, 0, 1),
            ("--epochs", self.epochs, 1, 100),
            ("--max-steps", self.max_steps, 1, 10**6),
        )
        for flag, value, least, most in limits:
            if value is not None and not least <= value <= most:
                raise UsageError(
                    f"{flag} cannot be {value}", f"give a number from {least:g} to {most:.15g}"
                )
        return self

    def within(self, window: int) -> "TuneRequest":
        """The request with examples that are no longer than a base can read."""
        length = min(self.training.max_length, window or self.training.max_length)
        return replace(
            self,
            training=replace(self.training, max_length=length),
            examples=replace(self.examples, max_length=length),
        )

    @property
    def seed(self) -> int:
        """The random seed."""
        return self.training.seed

    def find_base(self) -> ModelSpec:
        """The model to start from; raises UsageError for one that has no weights here."""
        spec = find_model(self.model)
        if not spec.has_file:
            raise UsageError(f"{spec.name} has no weights to train", "name another with -m")
        return spec

    def choose_name(self) -> str:
        """The name of the result; raises UsageError for one that another model has."""
        folder = Path(os.path.realpath(self.paths[0])).name
        name = self.name or re.sub(r"[^A-Za-z0-9_.-]+", "-", folder).strip("-.")
        if not re.fullmatch(TUNED_NAME, name) or re.search(r"\.\.|--|\.gguf$", name):
            raise UsageError(f"{name!r} cannot be a model's name", "give one with --name")
        if is_catalog_name(name):
            raise UsageError(f"{name} is a model of the catalog", "give another name with --name")
        tuned = read_tuned(name)
        if (models_dir() / name).exists() and not tuned:
            raise UsageError(
                f"{models_dir() / name} is there, and is not a tuned model",
                "give another name with --name",
            )
        if tuned.get("paths", self.real_paths) != self.real_paths:
            raise UsageError(
                f"{name} is a model that was tuned on other code",
                f"give another name with --name, or run: starcoder models rm {name}",
            )
        return name

    @property
    def real_paths(self) -> list[str]:
        """The paths without links; a model that was tuned on the same may be replaced."""
        return sorted(map(os.path.realpath, self.paths))


@dataclass(frozen=True)
class PreparedData:
    """The data, the holes in them, and these as examples for a base."""

    data: DataSet
    holes: Sequence[CutHole]
    held_out: Sequence[CutHole]

    @classmethod
    def of(cls, request: TuneRequest, messages: Messages) -> "PreparedData":
        """Prepare the data of a request; raises what reading repositories raises."""
        with messages.show_progress("reading the code …") as notes:
            data = build_data_set(
                request.paths, request.allowed, request.seed, notes.note, request.index
            )
            holes = cut_holes(data.training, request.seed)
            held_out = cut_holes(data.held_out, request.seed)[:MAX_HELD_OUT_HOLES]
        return cls(data, holes, held_out)

    def training_data(
        self, request: TuneRequest, spec: ModelSpec, tokenizer: CheckpointTokenizer
    ) -> TrainingData:
        """The examples; UsageError if the base cannot fill holes, DataError if no example fits."""
        form = choose_format(spec, tokenizer)
        builder = ExampleBuilder(tokenizer, form, spec.wants_file_metadata, request.examples)
        steps = make_steps(
            builder.build(self.holes), request.training.max_length, request.epochs, request.seed
        )
        held_out = builder.build_held_out(self.held_out)
        if not steps or not held_out:
            raise DataError(
                f"no gap can be cut that fits {request.training.max_length} tokens",
                "give a larger --max-length, or more code",
            )
        return TrainingData(steps[: request.max_steps], held_out)


def choose_format(spec: ModelSpec, tokenizer: CheckpointTokenizer) -> FimFormat:
    """How a base spells a hole; raises UsageError if it was not trained to fill any."""

    def has_token(text: str) -> bool:
        return tokenizer.control_token_id(text) is not None

    form = find_fim_format(spec.fim)
    if form and all(map(has_token, form.control_tokens())):
        return form
    form = detect_fim_format(has_token, spec.name)
    if form is None:
        raise UsageError(f"{spec.name} was not trained to fill gaps", "name another with -m")
    return form
