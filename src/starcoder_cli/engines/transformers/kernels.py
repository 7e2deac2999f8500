"""Triton kernels for what torch has no fast way to compute; imported only if there is a GPU."""

from functools import cache

import torch
import triton
import triton.language as tl

MAX_KERNEL_ROWS = 16
"""The most rows that a product here takes: those of one tile of the matrix units."""

TILE_OUTPUTS, TILE_INPUTS = 32, 256
"""The tile of each program: on an H100 these read StarCoder's matrices at 0.8 to 0.93 of the speed
of a copy. With other numbers, or split inputs, they are slower or no faster."""

NF4_BLOCK_INPUTS = 64
"""How many numbers of a row of a 4-bit matrix share a factor."""

NF4_TILE_OUTPUTS, NF4_TILE_BLOCKS, NF4_WARPS, NF4_STAGES = 16, 8, 4, 3
"""Settings of each program, chosen from what the compiler makes for an H100, not measured on one:
three programs for each of its multiprocessors on StarCoder's narrow matrices, whose 24 KB in flight
are more than its memory needs, and 6.7 instructions for a number, where 5 would keep up with it."""


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
    """Multiply x [rows, inputs] in 16 bits by a matrix of 8-bit codes [outputs, inputs].

    There are at most MAX_KERNEL_ROWS rows. `scales` has a 32-bit factor for each output. Each
    row's result does not depend on the other rows.
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


@triton.jit  # type: ignore[untyped-decorator]
def _nf4_matmul_kernel(  # type: ignore[no-untyped-def]
    x,
    codes,
    absmax,
    bias,
    y,
    rows,
    outputs,
    blocks,
    lookup: tl.constexpr,
    has_bias: tl.constexpr,
    block_inputs: tl.constexpr,
    tile_rows: tl.constexpr,
    tile_outputs: tl.constexpr,
    tile_blocks: tl.constexpr,
    stages: tl.constexpr,
):
    block_bytes: tl.constexpr = block_inputs // 2
    block = tl.arange(0, tile_blocks)[:, None, None]
    row = tl.arange(0, tile_rows)[:, None]
    output = tl.program_id(0) * tile_outputs + tl.arange(0, tile_outputs)
    row_mask, output_mask = row < rows, output < outputs
    x += (row * blocks + block) * block_inputs + tl.arange(0, block_inputs)[None, None, :]
    codes += (output[:, None] * blocks + block) * block_bytes
    codes += tl.arange(0, block_bytes)[None, None, :]
    absmax += output[None, :] * blocks + block
    total = tl.zeros((tile_blocks, tile_rows, tile_outputs), tl.float32)
    # Set on the loop so that the factors, which are not part of a product, are prefetched too.
    for start in tl.range(0, blocks, tile_blocks, num_stages=stages):
        block_mask = start + block < blocks
        x_tile = tl.load(x, mask=row_mask & block_mask, other=0.0)
        code_tile = tl.load(codes, mask=output_mask[:, None] & block_mask, other=0)
        factors = tl.load(absmax, mask=output_mask[None, :] & block_mask, other=0.0)
        pairs = tl.inline_asm_elementwise(
            lookup, "=r,=r,=r,=r,r", [code_tile], dtype=tl.int32, is_pure=True, pack=4
        )
        numbers = tl.join(
            tl.cast(tl.cast(pairs, tl.int16), x_tile.dtype, bitcast=True),
            tl.cast(tl.cast(pairs >> 16, tl.int16), x_tile.dtype, bitcast=True),
        )
        numbers = tl.reshape(numbers, (tile_blocks, tile_outputs, block_inputs))
        total += tl.dot(x_tile, tl.permute(numbers, (0, 2, 1))) * factors
        x += tile_blocks * block_inputs
        codes += tile_blocks * block_bytes
        absmax += tile_blocks
    total = tl.sum(total, 0)
    if has_bias:
        total += tl.load(bias + output, mask=output_mask, other=0.0).to(tl.float32)[None, :]
    place = row * outputs + output[None, :]
    tl.store(y + place, total.to(y.dtype.element_ty), mask=row_mask & output_mask[None, :])


def nf4_matmul(
    x: torch.Tensor,
    codes: torch.Tensor,
    table: tuple[float, ...],
    absmax: torch.Tensor,
    bias: torch.Tensor | None,
) -> torch.Tensor:
    """Multiply x [rows, inputs] in 16 bits by [outputs, inputs] 4-bit codes, two in a byte.

    There are at most MAX_KERNEL_ROWS rows. A code stands for a number of the table, which is
    rounded to 16 bits, times the 32-bit factor of its block of inputs, `absmax` [outputs, blocks];
    the first of two is in the upper half of their byte. Each row's result does not depend on the
    other rows.
    """
    outputs, blocks = absmax.shape
    y = x.new_empty((len(x), outputs))
    with torch.cuda.device_of(x):
        _nf4_matmul_kernel[(triton.cdiv(outputs, NF4_TILE_OUTPUTS),)](
            x.contiguous(),
            codes,
            absmax,
            absmax if bias is None else bias,
            y,
            len(x),
            outputs,
            blocks,
            lookup=nf4_lookup(table, x.dtype),
            has_bias=bias is not None,
            block_inputs=NF4_BLOCK_INPUTS,
            tile_rows=MAX_KERNEL_ROWS,
            tile_outputs=NF4_TILE_OUTPUTS,
            tile_blocks=NF4_TILE_BLOCKS,
            stages=NF4_STAGES,
            num_warps=NF4_WARPS,
            num_stages=NF4_STAGES,
        )
    return y


@cache
def nf4_lookup(table: tuple[float, ...], dtype: torch.dtype) -> str:
    """PTX that looks up pairs of 16-bit numbers, $0 to $3, for the codes in the four bytes of $4.

    `prmt` picks four bytes out of eight by the lower three bits of four codes. A table of sixteen
    takes two of them, and one to choose between them by the codes' highest bits; the same for the
    lower and the upper bytes of the numbers. Selecting one by one would be slower than the memory.
    """
    numbers = torch.tensor(table).to(dtype).view(torch.uint8)
    planes = [numbers[first::2].contiguous().view(torch.int32).tolist() for first in (0, 1)]

    def two_bytes(first: str, second: str) -> list[str]:
        lines = []
        for name, words in zip(("lower", "upper"), planes, strict=True):
            low, middle, high, highest = (f"{word & 0xFFFFFFFF:#010x}" for word in words)
            lines += [
                f"prmt.b32 negative, {low}, {middle}, entry;",
                f"prmt.b32 positive, {high}, {highest}, entry;",
                f"prmt.b32 {name}, negative, positive, half;",
            ]
        return [
            *lines,
            f"prmt.b32 {first}, lower, upper, 0x4051;",
            f"prmt.b32 {second}, lower, upper, 0x6273;",
        ]

    lines = [
        ".reg .b32 entry, half, negative, positive, lower, upper;",
        "and.b32 entry, $4, 0x77777777;",
        "shr.u32 half, $4, 1;",
        "and.b32 half, half, 0x44444444;",
        "or.b32 half, half, 0x32103210;",
        *two_bytes("$0", "$1"),
        "shr.u32 entry, entry, 16;",
        "shr.u32 half, half, 16;",
        *two_bytes("$2", "$3"),
    ]
    return "\n".join(["{", *lines, "}"])
