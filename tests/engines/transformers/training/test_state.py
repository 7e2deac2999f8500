"""Checkpoints of a training: whole or not there."""

import errno
from pathlib import Path

import pytest
from safetensors import torch as safetensors_torch

from starcoder_cli.engines.transformers.training.evaluate import HeldOutScores
from starcoder_cli.engines.transformers.training.state import (
    STATE_FILE,
    TrainingState,
    read_state,
)
from starcoder_cli.errors import WriteError
from tiny import build
from trainings import trainer


def test_a_state_that_makes_no_sense_is_none(tmp_path: Path) -> None:
    assert read_state(tmp_path) is None
    (tmp_path / STATE_FILE).write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    assert read_state(tmp_path) is None
    (tmp_path / STATE_FILE).write_bytes(b"nonsense")
    assert read_state(tmp_path) is None


def test_a_state_says_how_far_it_is(tmp_path: Path) -> None:
    made = trainer(build(tmp_path / "base", "qwen2"), tmp_path / "work")
    for report in made.run():
        if report.scores:
            break
    state = read_state(tmp_path / "work")
    assert state and state.step == 2 and state.best == report.scores
    assert isinstance(state.best, HeldOutScores)
    assert state == TrainingState(made.state.digest, 2, report.scores)


def test_a_full_disk_is_one_sentence_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = trainer(build(tmp_path / "base", "qwen2"), tmp_path / "work")
    reports = made.run()
    next(reports), next(reports)
    before = (tmp_path / "work" / STATE_FILE).read_bytes()

    def full(tensors: object, path: Path, metadata: object) -> None:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(safetensors_torch, "save_file", full)
    with pytest.raises(WriteError) as error:
        list(reports)
    assert str(error.value) == (
        f"cannot write the checkpoint after step 4 to {tmp_path / 'work'}: No space left on "
        "device; free some space and run the same command again: it goes on from the last "
        "checkpoint"
    )
    assert (tmp_path / "work" / STATE_FILE).read_bytes() == before
    state = read_state(tmp_path / "work")
    assert state and state.step == 2
