"""LLM.int8 weights at the speed of memory: read as 8 bits, computed with in 16.

bitsandbytes computes in 8 bits as well, and so looks for outliers in the input of each layer: the
GPU waits for the CPU in every one of them. At one token at a time the arithmetic costs nothing,
only the weights do. They are the same here; the inputs are not rounded, so there are no outliers
to look for and nothing to wait for, and the steps can be recorded.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from starcoder_cli.engines.transformers.kernel_trial import kernel_failure

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

Int8Matmul: TypeAlias = (
    "Callable[[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor | None], torch.Tensor]"
)
"""Multiplies a few rows, given codes, scales and a bias."""


def install_int8_kernels(model: "PreTrainedModel") -> str:
    """Let the 8-bit layers of a model on one GPU compute in 16 bits, or return why they cannot."""
    if failure := kernel_failure(partial(_try_kernel, model.device)):
        return failure
    from starcoder_cli.engines.transformers.kernels import MAX_KERNEL_ROWS, int8_matmul

    replace_int8_layers(model, int8_matmul, MAX_KERNEL_ROWS)
    return ""


def _try_kernel(device: "torch.device") -> None:
    import torch

    from starcoder_cli.engines.transformers.kernels import int8_matmul

    ones = torch.ones((1, 1), dtype=torch.bfloat16, device=device)
    int8_matmul(ones, ones.to(torch.int8), ones[0].float(), None)


def replace_int8_layers(model: "PreTrainedModel", matmul: Int8Matmul, max_rows: int) -> None:
    """Let the 8-bit layers multiply up to `max_rows` rows that way, more as 16-bit matrices."""
    import torch
    from bitsandbytes.nn.modules import Linear8bitLt

    layers = [layer for layer in model.modules() if isinstance(layer, Linear8bitLt)]
    for layer in layers:
        row_maxima = layer.weight.SCB
        if row_maxima is None:  # bitsandbytes moves them on first use
            row_maxima = layer.state.SCB
        scales = row_maxima.to(torch.float32) / 127
        layer.__dict__["forward"] = partial(_int8_linear, layer, scales, matmul, max_rows)


def _int8_linear(
    layer: "torch.nn.Linear",
    scales: "torch.Tensor",
    matmul: Int8Matmul,
    max_rows: int,
    x: "torch.Tensor",
) -> "torch.Tensor":
    """A layer's output for its input, of shape [..., inputs]."""
    import torch

    codes, bias = layer.weight.data, layer.bias
    rows = x.reshape(-1, x.shape[-1])
    if len(rows) <= max_rows:
        return matmul(rows, codes, scales, bias).reshape(*x.shape[:-1], len(codes))
    matrix = torch.mul(codes, scales.unsqueeze(1), out=x.new_empty(codes.shape))
    return torch.nn.functional.linear(x, matrix, None if bias is None else bias.to(x.dtype))
