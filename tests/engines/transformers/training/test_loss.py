"""The loss of answers: what counts in it, and that its parts are computed right."""

from math import log
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest
import torch

from starcoder_cli.engines.transformers.training import loss as losses
from starcoder_cli.engines.transformers.training.batches import Example
from starcoder_cli.engines.transformers.training.loss import (
    END,
    INSIDE,
    LossWeights,
    Totals,
    backward,
    head_logits,
    read_answers,
)
from starcoder_cli.engines.transformers.training.state import trained_weights
from starcoder_cli.engines.transformers.training.trainer import load_with_adapter
from starcoder_cli.weights.checkpoint import inspect_checkpoint
from tiny import build
from trainings import OPTIONS, examples

if TYPE_CHECKING:
    from peft import PeftModel

BATCH = examples(3)
TOTALS = Totals.of([BATCH])


@pytest.fixture(params=["qwen2", "gpt_bigcode", "gemma2"])
def model(request: pytest.FixtureRequest, tmp_path: Path) -> "PeftModel":
    """A tiny checkpoint with an adapter that is not zero."""
    checkpoint = inspect_checkpoint(build(tmp_path / "base", request.param))
    made: PeftModel = load_with_adapter(checkpoint, OPTIONS).float()
    torch.manual_seed(1)
    for name, weight in trained_weights(made):
        if "lora_B" in name:
            weight.data.normal_(0, 0.1)
    return made


def gradients(model: "PeftModel") -> list[torch.Tensor]:
    """Those of the adapter, which are then gone."""
    found = [each.grad.clone() for _, each in trained_weights(model) if each.grad is not None]
    model.zero_grad()
    return found


def test_padding_and_neighbours_change_nothing(model: "PeftModel") -> None:
    together = read_answers(model, BATCH)
    alone = [read_answers(model, [example]) for example in BATCH]
    logits = torch.cat([head_logits(model, each.hidden) for each in alone])
    assert torch.allclose(head_logits(model, together.hidden), logits, atol=1e-4)
    assert together.labels.tolist() == [
        token for example in BATCH for token in example.ids[example.answer_start :]
    ]
    assert together.kinds.tolist() == [INSIDE, INSIDE, INSIDE, END] * 3


def test_the_logits_are_those_of_the_model(model: "PeftModel") -> None:
    (example,) = BATCH[:1]
    states = read_answers(model, [example])
    whole = model(torch.tensor([example.ids])).logits[0].float()
    wanted = whole[example.answer_start - 1 : -1]
    assert torch.allclose(head_logits(model, states.hidden), wanted, atol=1e-4)


def test_without_divergence_it_is_cross_entropy_with_the_end_raised(
    model: "PeftModel", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(losses, "CHUNK_POSITIONS", 5)
    value = backward(model, BATCH, TOTALS, LossWeights(0.5, 1.0, 0.0))
    found = gradients(model)
    states = read_answers(model, BATCH)
    logits = head_logits(model, states.hidden)
    raised = torch.zeros_like(logits)
    raised[:, BATCH[0].ids[-1]] = log((1.0 / 3) / (0.5 / 9))
    each = torch.nn.functional.cross_entropy(logits + raised, states.labels, reduction="none")
    wanted = 0.5 * each[states.kinds == INSIDE].mean() + each[states.kinds == END].mean()
    wanted.backward()
    assert value == pytest.approx(wanted.item(), rel=1e-4)
    for mine, other in zip(found, gradients(model), strict=True):
        assert torch.allclose(mine, other, atol=1e-5)


def test_the_likelihood_that_is_learnt_of_the_end_is_the_true_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One in ten ends where they all could: its weight must not make that more likely."""
    logits = torch.zeros(2, requires_grad=True)
    labels = torch.tensor([0] * 9 + [1])
    kinds = torch.tensor([INSIDE] * 9 + [END])

    def read(*_: object) -> losses.AnswerStates:
        return losses.AnswerStates(logits.expand(10, 2), labels, kinds, torch.zeros(10))

    monkeypatch.setattr(losses, "read_answers", read)
    monkeypatch.setattr(losses, "head_logits", lambda _, hidden: hidden)
    optimizer = torch.optim.Adam([logits], lr=0.1)
    for _ in range(200):
        optimizer.zero_grad()
        backward(Mock(), BATCH, Totals(9, 1, end_id=1), LossWeights(0.5, 1.0, 0.0))
        optimizer.step()
    assert logits.softmax(0)[1].item() == pytest.approx(0.1, abs=0.01)


def test_divergence_is_nothing_for_the_base_and_grows_from_there(model: "PeftModel") -> None:
    only = LossWeights(0.0, 0.0, 1.0)
    assert backward(model, BATCH, TOTALS, only) > 1e-3
    for name, weight in trained_weights(model):
        if "lora_B" in name:
            weight.data.zero_()
    assert backward(model, BATCH, TOTALS, only) == pytest.approx(0, abs=1e-5)


def test_the_divergence_counts_as_much_in_the_mean_over_batches() -> None:
    weights = [LossWeights().for_batch(number) for number in range(6)]
    assert sum(each.divergence for each in weights) / 6 == pytest.approx(LossWeights().divergence)
    assert sum(bool(each.divergence) for each in weights) == 2
    assert {(each.inside, each.end) for each in weights} == {(0.5, 1.0)}


def test_totals_count_continuations_without_an_end() -> None:
    continuation = Example(tuple(range(10)), 4, has_end=False)
    end_id = BATCH[0].ids[-1]
    assert Totals.of([[continuation], BATCH]) == Totals(inside=6 + 9, ends=3, end_id=end_id)
    assert Totals.of([[continuation]]) == Totals(inside=6, ends=1, end_id=None)
