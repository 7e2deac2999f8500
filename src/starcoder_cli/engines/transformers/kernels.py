"""What a GPU computes that torch has no fast way for, in Triton: imported where there is a GPU."""

import torch
import triton
import triton.language as tl

MAX_KERNEL_ROWS = 16
"""The most rows that `int8_matmul` takes: those of one tile of the matrix units."""

TILE_OUTPUTS, TILE_INPUTS = 32, 256
"""Numbers of each program: on an H100 these read StarCoder's matrices at 0.8 to 0.93 of what a
copy moves. With other numbers, or split inputs, they are slower or as fast."""


@triton.jit  # type: ignore[untyped-decorator]
def _int8_matmul_kernel(  # type: ignore[no-untyped-def]
    x,
    codes,
    scales,
    bias,
    y,
    rows,
    outputs,
    inputs,
    has_bias: tl.constexpr,
    full_tiles: tl.constexpr,
    tile_rows: tl.constexpr,
    tile_outputs: tl.constexpr,
    tile_inputs: tl.constexpr,
):
    row = tl.arange(0, tile_rows)[:, None]
    output = tl.program_id(0) * tile_outputs + tl.arange(0, tile_outputs)[None, :]
    row_mask, output_mask = row < rows, output < outputs
    total = tl.zeros((tile_rows, tile_outputs), tl.float32)
    for start in range(0, inputs, tile_inputs):
        column = start + tl.arange(0, tile_inputs)
        if full_tiles:
            x_tile = tl.load(x + row * inputs + column[None, :], mask=row_mask, other=0.0)
            code_tile = tl.load(
                codes + output * inputs + column[:, None], mask=output_mask, other=0
            )
        else:
            column_mask = column < inputs
            x_tile = tl.load(
                x + row * inputs + column[None, :], mask=row_mask & column_mask[None, :], other=0.0
            )
            code_tile = tl.load(
                codes + output * inputs + column[:, None],
                mask=output_mask & column_mask[:, None],
                other=0,
            )
        total = tl.dot(x_tile, code_tile.to(x_tile.dtype), total)
    total *= tl.load(scales + output, mask=output_mask, other=0.0)
    if has_bias:
        total += tl.load(bias + output, mask=output_mask, other=0.0).to(tl.float32)
    tl.store(y + row * outputs + output, total.to(y.dtype.element_ty), mask=row_mask & output_mask)


def int8_matmul(
    x: torch.Tensor, codes: torch.Tensor, scales: torch.Tensor, bias: torch.Tensor | None
) -> torch.Tensor:
    """x [rows, inputs] in 16 bit times a matrix of 8-bit codes [outputs, inputs].

    There are at most MAX_KERNEL_ROWS rows. `scales` has a 32-bit factor for each output. Each
    row is the same, whatever the others are.
    """
    rows, inputs = x.shape
    outputs = len(codes)
    y = x.new_empty((rows, outputs))
    with torch.cuda.device_of(x):
        _int8_matmul_kernel[(triton.cdiv(outputs, TILE_OUTPUTS),)](
            x.contiguous(),
            codes,
            scales,
            codes if bias is None else bias,
            y,
            rows,
            outputs,
            inputs,
            has_bias=bias is not None,
            full_tiles=inputs % TILE_INPUTS == 0,
            tile_rows=MAX_KERNEL_ROWS,
            tile_outputs=TILE_OUTPUTS,
            tile_inputs=TILE_INPUTS,
            num_warps=4,
            num_stages=3,
        )
    return y
