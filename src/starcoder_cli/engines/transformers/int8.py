"""The weights of LLM.int8 at the speed of the memory: read as 8 bits, computed with in 16.

bitsandbytes computes in 8 bits as well, and so looks for outliers in the input of each layer: the
GPU waits for the processor in every one of them. At one token at a time the arithmetic costs
nothing, only the weights do. They are the same here; the inputs are not rounded, so that there are
no outliers to look for, nothing to wait for, and the steps can be recorded.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

Multiply: TypeAlias = (
    "Callable[[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor | None], torch.Tensor]"
)
"""From few rows, codes, scales and a bias to their product."""


def widen(model: "PreTrainedModel") -> str:
    """Let the 8-bit layers of a model on one GPU compute in 16 bits; else why they cannot."""
    import torch

    try:
        # Triton comes with torch for CUDA, and needs a C compiler.
        from starcoder_cli.engines.transformers.kernels import ROWS, multiply

        one = torch.ones((1, 1), dtype=torch.bfloat16, device=model.device)
        multiply(one, one.to(torch.int8), one[0].float(), None)
    except Exception as error:  # of Triton, of the compiler, of the driver: each has its own
        return " ".join(str(error).split())[:200]
    replace(model, multiply, ROWS)
    return ""


def replace(model: "PreTrainedModel", multiply: Multiply, most: int) -> None:
    """Let the 8-bit layers multiply up to so many rows that way, more as 16-bit matrices."""
    import torch
    from bitsandbytes.nn.modules import Linear8bitLt

    layers = [layer for layer in model.modules() if isinstance(layer, Linear8bitLt)]
    for layer in layers:
        known = layer.weight.SCB
        if known is None:  # bitsandbytes moves them at the first use
            known = layer.state.SCB
        scales = known.to(torch.float32) / 127
        layer.__dict__["forward"] = partial(_linear, layer, scales, multiply, most)


def _linear(
    layer: "torch.nn.Linear",
    scales: "torch.Tensor",
    multiply: Multiply,
    most: int,
    x: "torch.Tensor",
) -> "torch.Tensor":
    """What a layer makes of its input, of shape [..., inputs]."""
    import torch

    codes, bias = layer.weight.data, layer.bias
    rows = x.reshape(-1, x.shape[-1])
    if len(rows) <= most:
        return multiply(rows, codes, scales, bias).reshape(*x.shape[:-1], len(codes))
    matrix = torch.mul(codes, scales.unsqueeze(1), out=x.new_empty(codes.shape))
    return torch.nn.functional.linear(x, matrix, None if bias is None else bias.to(x.dtype))
