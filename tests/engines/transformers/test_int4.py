"""NF4 layers with a kernel of ours: which have one, what they give, and what keeps its own way."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from bitsandbytes.functional import dequantize_4bit
from bitsandbytes.nn.modules import Linear4bit
from transformers import PreTrainedModel

from starcoder_cli.engines.transformers.int4 import (
    install_nf4_kernels,
    read_nf4_matrix,
    replace_nf4_layers,
)
from starcoder_cli.engines.transformers.loading import load_transformer, translate_load_errors
from starcoder_cli.engines.transformers.placement import PlacementPlan
from starcoder_cli.weights.checkpoint import inspect_checkpoint
from tiny import build

TEXT = torch.tensor([[5 + (at * at + 7 * at) % 250 for at in range(40)]])
KERNELS = "starcoder_cli.engines.transformers.kernels"


def product(
    x: torch.Tensor,
    codes: torch.Tensor,
    table: tuple[float, ...],
    absmax: torch.Tensor,
    bias: torch.Tensor | None,
) -> torch.Tensor:
    """Of rows and codes, in 32 bits."""
    pairs = torch.stack((codes.reshape(-1) >> 4, codes.reshape(-1) & 15), dim=1)
    numbers = torch.tensor(table)[pairs.long()].reshape(*absmax.shape, 64) * absmax.unsqueeze(-1)
    whole = x.float() @ numbers.reshape(len(absmax), -1).T
    return (whole if bias is None else whole + bias.float()).to(x.dtype)


@contextmanager
def loaded(folder: Path) -> Iterator[PreTrainedModel]:
    """A checkpoint in 4 bit, on the processor."""
    checkpoint = inspect_checkpoint(folder)
    with translate_load_errors(checkpoint):
        yield load_transformer(checkpoint, PlacementPlan("cpu", "4bit", "bf16", 0, 0))


def logits(model: PreTrainedModel, ids: torch.Tensor = TEXT) -> torch.Tensor:
    """Behind each id of a text."""
    with torch.inference_mode():
        return model(ids).logits[0].float()


def distance(one: torch.Tensor, other: torch.Tensor) -> float:
    """How far some logits are from others, as a part of these."""
    return float((one - other).norm() / other.norm())


def nf4_layer(inputs: int = 192, kind: str = "nf4", *, nested: bool = False) -> Linear4bit:
    """A layer of random numbers, quantized as it is where it goes to its device."""
    torch.manual_seed(1)
    layer: Linear4bit = Linear4bit(  # type: ignore[no-untyped-call]
        inputs, 10, compress_statistics=nested, quant_type=kind
    )
    layer.to("cpu")
    return layer


@pytest.mark.parametrize("nested", [False, True])
def test_a_matrix_is_read_as_bitsandbytes_made_it(*, nested: bool) -> None:
    layer = nf4_layer(nested=nested)
    matrix = read_nf4_matrix(layer)
    assert matrix
    assert (matrix.absmax.shape, matrix.absmax.dtype) == ((10, 3), torch.float32)
    wanted = dequantize_4bit(layer.weight.data, layer.weight.quant_state).T
    found = product(torch.eye(192), matrix.codes, matrix.table, matrix.absmax, None)
    assert torch.allclose(found, wanted, rtol=1e-6, atol=0)


def test_other_layers_have_no_kernel() -> None:
    """Of FP4, or with blocks that begin in one row and end in the next."""
    assert read_nf4_matrix(nf4_layer(kind="fp4")) is None
    assert read_nf4_matrix(nf4_layer(96)) is None


@pytest.mark.parametrize("kind", ["gpt_bigcode", "starcoder2"])
def test_few_rows_and_many_give_the_same(kind: str, tmp_path: Path) -> None:
    """Many are multiplied by bitsandbytes, as all were before."""
    with loaded(build(tmp_path, kind, 64)) as model:
        replace_nf4_layers(model, product, 0)
        many = logits(model)
    with loaded(tmp_path) as model:
        replace_nf4_layers(model, product, 40)
        assert 0 < distance(logits(model), many) < 0.02
        assert distance(logits(model, TEXT[:, :7]), many[:7]) < 0.02


def test_inputs_in_32_bits_are_left_to_bitsandbytes() -> None:
    layer = nf4_layer()
    model = torch.nn.Sequential(layer)
    x = torch.randn(2, 192)
    with torch.inference_mode():
        wanted = model(x)
        replace_nf4_layers(model, product, 16)
        assert torch.equal(model(x), wanted)
        assert distance(model(x.half()).float(), wanted) < 0.01


def test_kernels_that_run_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[int] = []

    def counted(x: torch.Tensor, *others: Any) -> torch.Tensor:
        rows.append(len(x))
        return product(x, *others)

    kernels = ModuleType(KERNELS)
    kernels.__dict__.update(MAX_KERNEL_ROWS=16, nf4_matmul=counted)
    monkeypatch.setitem(sys.modules, KERNELS, kernels)
    with loaded(build(tmp_path, "gpt_bigcode", 64)) as model:
        assert install_nf4_kernels(model) == ""
        logits(model, TEXT[:, :7])
        assert rows == [1, *[7] * 8]
        logits(model)
        assert rows == [1, *[7] * 8]


def test_what_has_no_kernel_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Triton, as with torch for the processor alone, and on another maker's GPU."""
    monkeypatch.setitem(sys.modules, "triton", None)
    monkeypatch.delitem(sys.modules, KERNELS, raising=False)
    with loaded(build(tmp_path, "gpt_bigcode", 64)) as model:
        before = logits(model)
        assert install_nf4_kernels(model) == "import of triton halted; None in sys.modules"
        monkeypatch.setattr(torch.version, "hip", "6.4")
        assert install_nf4_kernels(model) == "the kernel is for NVIDIA's GPUs"
        assert torch.equal(logits(model), before)
