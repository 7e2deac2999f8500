"""What a GPU computes that torch has no fast way for, in Triton: imported where there is a GPU."""

import torch
import triton
import triton.language as tl

ROWS = 16
"""The most rows that `multiply` takes: those of one tile of the matrix units."""

OUTPUTS, INPUTS = 32, 256
"""Numbers of each program: on an H100 these read StarCoder's matrices at 0.8 to 0.93 of what a
copy moves. With other numbers, or split inputs, they are slower or as fast."""


@triton.jit  # type: ignore[untyped-decorator]
def _multiply(  # type: ignore[no-untyped-def]
    x,
    codes,
    scales,
    bias,
    y,
    rows,
    outputs,
    inputs,
    biased: tl.constexpr,
    even: tl.constexpr,
    at_once: tl.constexpr,
    height: tl.constexpr,
    width: tl.constexpr,
):
    row = tl.arange(0, at_once)[:, None]
    output = tl.program_id(0) * height + tl.arange(0, height)[None, :]
    here, there = row < rows, output < outputs
    total = tl.zeros((at_once, height), tl.float32)
    for start in range(0, inputs, width):
        across = start + tl.arange(0, width)
        if even:
            given = tl.load(x + row * inputs + across[None, :], mask=here, other=0.0)
            code = tl.load(codes + output * inputs + across[:, None], mask=there, other=0)
        else:
            inside = across < inputs
            given = tl.load(
                x + row * inputs + across[None, :], mask=here & inside[None, :], other=0.0
            )
            code = tl.load(
                codes + output * inputs + across[:, None], mask=there & inside[:, None], other=0
            )
        total = tl.dot(given, code.to(given.dtype), total)
    total *= tl.load(scales + output, mask=there, other=0.0)
    if biased:
        total += tl.load(bias + output, mask=there, other=0.0).to(tl.float32)
    tl.store(y + row * outputs + output, total.to(y.dtype.element_ty), mask=here & there)


def multiply(
    x: torch.Tensor, codes: torch.Tensor, scales: torch.Tensor, bias: torch.Tensor | None
) -> torch.Tensor:
    """x [rows <= ROWS, inputs] in 16 bit times a matrix of 8-bit codes [outputs, inputs].

    `scales` has a 32-bit factor for each output. Each row is the same, whatever the others are.
    """
    rows, inputs = x.shape
    outputs = len(codes)
    y = x.new_empty((rows, outputs))
    with torch.cuda.device_of(x):
        _multiply[(triton.cdiv(outputs, OUTPUTS),)](
            x.contiguous(),
            codes,
            scales,
            codes if bias is None else bias,
            y,
            rows,
            outputs,
            inputs,
            biased=bias is not None,
            even=inputs % INPUTS == 0,
            at_once=ROWS,
            height=OUTPUTS,
            width=INPUTS,
            num_warps=4,
            num_stages=3,
        )
    return y
