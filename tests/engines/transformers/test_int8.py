"""8-bit weights that are computed with in 16 bits, by a plain product in place of the GPU's."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedModel

from starcoder_cli.engines.transformers.int8 import install_int8_kernels, replace_int8_layers
from starcoder_cli.engines.transformers.loading import load_transformer, translate_load_errors
from starcoder_cli.engines.transformers.placement import PlacementPlan, Quantization
from starcoder_cli.weights.checkpoint import inspect_checkpoint
from tiny import build

TEXT = torch.tensor([[5 + (at * at + 7 * at) % 250 for at in range(40)]])


def product(
    x: torch.Tensor, codes: torch.Tensor, scales: torch.Tensor, bias: torch.Tensor | None
) -> torch.Tensor:
    """Of rows and codes, in 32 bits."""
    whole = x.float() @ (codes.float() * scales.unsqueeze(1)).T
    return (whole if bias is None else whole + bias.float()).to(x.dtype)


@contextmanager
def loaded(folder: Path, form: Quantization) -> Iterator[PreTrainedModel]:
    """A checkpoint in a form, on the processor."""
    checkpoint = inspect_checkpoint(folder)
    with translate_load_errors(checkpoint):
        yield load_transformer(checkpoint, PlacementPlan("cpu", form, "bf16", 0, 0))


def logits(model: PreTrainedModel, ids: torch.Tensor = TEXT) -> torch.Tensor:
    """Behind each id of a text."""
    with torch.inference_mode():
        return model(ids).logits[0].float()


def distance(one: torch.Tensor, other: torch.Tensor) -> float:
    """How far some logits are from others, as a part of these."""
    return float((one - other).norm() / other.norm())


@pytest.mark.parametrize("kind", ["gpt_bigcode", "starcoder2", "gpt2"])
def test_whole_inputs_are_closer_to_whole_weights(kind: str, tmp_path: Path) -> None:
    folder = build(tmp_path, kind)
    with loaded(folder, "none") as model:
        wanted = logits(model)
    with loaded(folder, "8bit") as model:
        rounded = distance(logits(model), wanted)
        replace_int8_layers(model, product, 16)
        assert distance(logits(model), wanted) <= rounded < 0.05


def test_few_rows_and_many_give_the_same(tmp_path: Path) -> None:
    with loaded(build(tmp_path, "starcoder2"), "8bit") as model:
        replace_int8_layers(model, product, 0)
        many = logits(model)
        replace_int8_layers(model, product, 40)
        assert 0 < distance(logits(model), many) < 0.02
        assert distance(logits(model, TEXT[:, :7]), many[:7]) < 0.02


def test_what_cannot_be_widened_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Triton, as with torch for the processor alone, and on a machine without a GPU."""
    monkeypatch.setitem(sys.modules, "triton", None)
    monkeypatch.delitem(sys.modules, "starcoder_cli.engines.transformers.kernels", raising=False)
    with loaded(build(tmp_path, "gpt_bigcode"), "8bit") as model:
        before = logits(model)
        assert install_int8_kernels(model) == "import of triton halted; None in sys.modules"
        assert torch.equal(logits(model), before)
