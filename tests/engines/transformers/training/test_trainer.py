"""A training: it learns, is the same for a seed, goes on where it was killed, and stops at NaN."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from starcoder_cli.engines.transformers.adapter import check_adapter, read_adapter_config
from starcoder_cli.engines.transformers.training.state import BEST_FOLDER, STATE_FILE
from starcoder_cli.engines.transformers.training.trainer import DivergedError, rate_at
from tiny import build
from trainings import OPTIONS, trainer


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint."""
    return build(tmp_path_factory.mktemp("base"), "qwen2")


def weights(work: Path) -> Mapping[str, torch.Tensor]:
    """The best adapter of a training."""
    found: Mapping[str, torch.Tensor] = load_file(work / BEST_FOLDER / "adapter_model.safetensors")
    return found


def is_same(first: Mapping[str, torch.Tensor], second: Mapping[str, torch.Tensor]) -> bool:
    """Whether two adapters have the same bits."""
    return first.keys() == second.keys() and all(
        torch.equal(value, second[name]) for name, value in first.items()
    )


def test_it_learns_and_the_best_is_kept(base: Path, tmp_path: Path) -> None:
    made = trainer(base, tmp_path)
    before = made.evaluate_base()
    assert made.evaluate() == before  # a new adapter changes nothing
    reports = list(made.run())
    assert [report.step for report in reports] == [1, 2, 3, 4]
    best = made.state.best
    scored = [report.scores for report in reports if report.scores]
    assert best in scored and len(scored) == 2
    assert best.loss(OPTIONS.weights) == min(each.loss(OPTIONS.weights) for each in scored)
    assert best.end < before.end - 0.5
    assert made.evaluate_base() == before
    assert check_adapter(tmp_path / BEST_FOLDER)
    settings = read_adapter_config(tmp_path / BEST_FOLDER / "adapter_config.json")
    assert settings["base_model_name_or_path"] == "tiny"


def test_the_same_seed_gives_the_same_adapter(base: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        made = trainer(base, tmp_path / name, replace(OPTIONS, seed=seed))
        made.measure(0.01)
        list(made.run())
    assert is_same(weights(tmp_path / "a"), weights(tmp_path / "b"))
    assert not is_same(weights(tmp_path / "a"), weights(tmp_path / "c"))


def test_one_that_was_killed_goes_on_as_if_it_had_not_been(base: Path, tmp_path: Path) -> None:
    list(trainer(base, tmp_path / "whole").run())
    killed = trainer(base, tmp_path / "killed").run()
    for _ in range(3):
        next(killed)  # the third step is after the last checkpoint, and lost
    again = trainer(base, tmp_path / "killed")
    assert again.state.step == 2
    assert [report.step for report in again.run()] == [3, 4]
    assert is_same(weights(tmp_path / "whole"), weights(tmp_path / "killed"))


def test_another_training_begins_anew(base: Path, tmp_path: Path) -> None:
    list(trainer(base, tmp_path).run())
    assert trainer(base, tmp_path, replace(OPTIONS, learning_rate=1e-3)).state.step == 0


def test_measuring_leaves_no_trace(base: Path, tmp_path: Path) -> None:
    made = trainer(base, tmp_path)
    before = made.evaluate()
    measured = made.measure(0.2)
    assert measured.tokens_per_second > 0 and measured.peak_bytes > 10**8
    assert made.evaluate() == before
    assert not (tmp_path / STATE_FILE).exists()


def test_a_loss_that_is_no_number_changes_nothing(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = trainer(base, tmp_path)
    reports = made.run()
    next(reports), next(reports)
    before = made.evaluate()
    monkeypatch.setattr(
        "starcoder_cli.engines.transformers.training.trainer.backward",
        lambda *words: float("nan"),
    )
    with pytest.raises(DivergedError, match="the loss is not a number at step 3"):
        next(reports)
    assert made.evaluate() == before and made.state.step == 2


def test_what_was_never_kept_is_kept_when_asked_for(base: Path, tmp_path: Path) -> None:
    made = trainer(base, tmp_path)
    next(made.run())
    made.keep_current()
    assert made.state.best and check_adapter(tmp_path / BEST_FOLDER)
    assert trainer(base, tmp_path).state.step == 1


def test_the_rate_rises_and_falls() -> None:
    rates = [rate_at(number, 100) for number in range(100)]
    assert rates[0] < rates[4] == max(rates) and 0 < rates[-1] < 0.02
    assert rate_at(0, 1) == 1.0
