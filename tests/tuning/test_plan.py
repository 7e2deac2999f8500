"""What a training will take, and when that is too much."""

from dataclasses import replace
from pathlib import Path

import pytest

from gguf_checkpoints import write_gguf
from starcoder_cli.catalog import ModelSpec
from starcoder_cli.engines.transformers.training.batches import Example
from starcoder_cli.engines.transformers.training.trainer import (
    Measurement,
    TrainingData,
    TrainingOptions,
)
from starcoder_cli.errors import MachineError, WriteError
from starcoder_cli.tuning.plan import BaseShape, TuningPlan, format_seconds
from tiny import build

EXAMPLE = Example(tuple(range(50)), 40)
DATA = TrainingData([[[EXAMPLE] * 4]] * 30, [EXAMPLE] * 6)
SHAPE = BaseShape(494_000_000, 24, 896, 4864, 151_936, 32_768, is_gguf=True)
OPTIONS = TrainingOptions(save_steps=10)
PLAN = TuningPlan.of(DATA, SHAPE, OPTIONS)
SPEC = ModelSpec("small")


def test_the_shape_of_a_checkpoint_is_that_of_its_gguf(tmp_path: Path) -> None:
    folder = build(tmp_path / "base", "llama")
    found = BaseShape.of(folder)
    assert (found.layers, found.hidden, found.inner, found.window) == (2, 32, 64, 128)
    path = write_gguf(folder, tmp_path / "base.gguf")
    assert BaseShape.of(path) == replace(found, is_gguf=True)


def test_counts() -> None:
    assert (PLAN.examples, PLAN.held_out, PLAN.tokens, PLAN.steps) == (120, 6, 6000, 30)
    assert PLAN.evaluations == 4
    assert 3.5e9 < PLAN.memory < 7e9
    assert 2.5e9 < PLAN.disk < 3.5e9


def test_a_shorter_length_takes_less_memory() -> None:
    assert SHAPE.training_memory(replace(OPTIONS, max_length=256)) < PLAN.memory


def test_time_is_told_once_it_is_measured() -> None:
    assert dict(PLAN.rows())["time"] == "measured when it starts"
    measured = PLAN.measured(Measurement(100.0, 3_000_000_000))
    assert measured.seconds == pytest.approx(64)
    rows = dict(measured.rows())
    assert (rows["time"], rows["memory"]) == ("about 1 min", "about 3.0 GB")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "about 1 s"), (720, "about 12 min"), (12_000, "about 3 h 20 min")]
)
def test_durations(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


def test_too_little_memory_is_told_before_anything_begins() -> None:
    PLAN.check_machine(SPEC, PLAN.memory, PLAN.disk)
    with pytest.raises(
        MachineError, match=r"tuning small takes about .* of memory, but only 1\.0 GB"
    ):
        PLAN.check_machine(SPEC, 10**9, PLAN.disk)


def test_so_is_too_little_disk() -> None:
    with pytest.raises(
        WriteError, match=r"tuning small takes about .* on the disk, but only 1\.0 GB"
    ):
        PLAN.check_machine(SPEC, PLAN.memory, 10**9)
