"""Multiplies by NF4 weights at nearly the speed of memory, if a step has few rows.

The numbers are those that bitsandbytes makes of the codes, except for one rounding: the table is
rounded to 16 bits, and the factors of the blocks, which stay in 32, are applied to sums of 64
products; bitsandbytes rounds each weight.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from starcoder_cli.engines.transformers.kernel_trial import kernel_failure

if TYPE_CHECKING:
    import torch
    from bitsandbytes.nn.modules import Linear4bit
    from transformers import PreTrainedModel

Nf4Matmul: TypeAlias = (
    "Callable[[torch.Tensor, torch.Tensor, tuple[float, ...], torch.Tensor, torch.Tensor | None],"
    " torch.Tensor]"
)
"""Multiplies a few rows, given codes, their table, block factors and a bias."""

BLOCK_INPUTS = 64
"""The block size that bitsandbytes uses by default."""


@dataclass(frozen=True)
class Nf4Matrix:
    """A matrix as its kernel reads it: two codes in a byte, a factor for each block of a row."""

    codes: "torch.Tensor"
    table: tuple[float, ...]
    absmax: "torch.Tensor"


def install_nf4_kernels(model: "PreTrainedModel") -> str:
    """Let the NF4 layers of a model on one GPU use our kernel, or return why they cannot."""
    import torch

    if torch.version.hip:
        return "the kernel is for NVIDIA's GPUs"
    if failure := kernel_failure(partial(_try_kernel, model.device)):
        return failure
    from starcoder_cli.engines.transformers.kernels import MAX_KERNEL_ROWS, nf4_matmul

    replace_nf4_layers(model, nf4_matmul, MAX_KERNEL_ROWS)
    return ""


def _try_kernel(device: "torch.device") -> None:
    import torch

    from starcoder_cli.engines.transformers.kernels import nf4_matmul

    ones = torch.ones((1, BLOCK_INPUTS), dtype=torch.bfloat16, device=device)
    codes = torch.zeros(BLOCK_INPUTS // 2, dtype=torch.uint8, device=device)
    nf4_matmul(ones, codes, (1.0,) * 16, ones[:, :1].float(), None)


def replace_nf4_layers(model: "PreTrainedModel", matmul: Nf4Matmul, max_rows: int) -> None:
    """Let the NF4 layers multiply up to `max_rows` rows that way, more as bitsandbytes does."""
    from bitsandbytes.nn.modules import Linear4bit

    for layer in model.modules():
        if isinstance(layer, Linear4bit) and (matrix := read_nf4_matrix(layer)):
            layer.__dict__["forward"] = partial(_nf4_linear, layer, matrix, matmul, max_rows)


def read_nf4_matrix(layer: "Linear4bit") -> Nf4Matrix | None:
    """The matrix of a layer, or None if it is not NF4 in rows of whole blocks.

    Factors that are quantized themselves are expanded to 32 bits.
    """
    import torch
    from bitsandbytes.functional import dequantize_blockwise

    state = layer.weight.quant_state
    if (state.quant_type, state.blocksize) != ("nf4", BLOCK_INPUTS) or state.shape[
        1
    ] % BLOCK_INPUTS:
        return None
    absmax = state.absmax
    if state.nested:
        absmax = dequantize_blockwise(absmax, state.state2) + state.offset
    codes = layer.weight.data.view(torch.uint8)
    table = tuple(state.code.tolist())
    return Nf4Matrix(codes, table, absmax.float().reshape(state.shape[0], -1))


def _nf4_linear(
    layer: "Linear4bit",
    matrix: Nf4Matrix,
    matmul: Nf4Matmul,
    max_rows: int,
    x: "torch.Tensor",
) -> "torch.Tensor":
    """A layer's output for its input, of shape [..., inputs]."""
    rows = x.reshape(-1, x.shape[-1])
    if len(rows) > max_rows or x.itemsize != 2:
        result: torch.Tensor = type(layer).forward(layer, x)
        return result
    product = matmul(rows, matrix.codes, matrix.table, matrix.absmax, layer.bias)
    return product.reshape(*x.shape[:-1], len(matrix.absmax))
