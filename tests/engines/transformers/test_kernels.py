"""Products of 8- and 4-bit codes: on a GPU, and step by step on tensors where there is none."""

import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from bitsandbytes.functional import QuantState, dequantize_4bit, quantize_4bit

import starcoder_cli
from ptx import run_packed, run_ptx

FILE = Path(starcoder_cli.__file__).parent / "engines" / "transformers" / "kernels.py"
DTYPES = [torch.bfloat16, torch.float16]
Product = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor | None], torch.Tensor]
Nf4Product = Callable[
    [torch.Tensor, torch.Tensor, tuple[float, ...], torch.Tensor, torch.Tensor | None], torch.Tensor
]
NF4_SHAPES = [(1, 32, 64), (4, 45, 320), (16, 33, 512), (5, 16, 1088)]


@dataclass
class Pointer:
    """Places in the memory of a tensor; one that is outside, and is not masked, is an error."""

    memory: torch.Tensor
    places: torch.Tensor | int = 0

    @property
    def dtype(self) -> SimpleNamespace:
        """What is pointed to."""
        return SimpleNamespace(element_ty=self.memory.dtype)

    def __add__(self, other: torch.Tensor) -> "Pointer":
        return Pointer(self.memory, self.places + other)

    def chosen(self, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """All places, and which of them are meant."""
        places, wanted = torch.broadcast_tensors(torch.as_tensor(self.places), mask)
        return places, wanted


def load(pointer: Pointer, mask: torch.Tensor, other: float) -> torch.Tensor:
    """What is at the places; `other` where the mask is not."""
    places, wanted = pointer.chosen(mask)
    found = torch.full(places.shape, other, dtype=pointer.memory.dtype)
    found[wanted] = pointer.memory[places[wanted]]
    return found


def store(pointer: Pointer, values: torch.Tensor, mask: torch.Tensor) -> None:
    """Write values to the places that the mask leaves."""
    places, wanted = pointer.chosen(mask)
    pointer.memory[places[wanted]] = values[wanted]


def cast(values: torch.Tensor, dtype: torch.dtype, *, bitcast: bool = False) -> torch.Tensor:
    """The same values or the same bits."""
    return values.view(dtype) if bitcast else values.to(dtype)


def dot(left: torch.Tensor, right: torch.Tensor, total: torch.Tensor | int = 0) -> torch.Tensor:
    """Added up in 64 bits, where the place of a row in its tile makes no difference."""
    return total + (left.double() @ right.double()).float()


def inline_asm_elementwise(
    text: str,
    constraints: str,
    words: Sequence[torch.Tensor],
    dtype: torch.dtype,
    *,
    is_pure: bool,
    pack: int,
) -> torch.Tensor:
    """PTX for each four bytes of a tensor."""
    assert (constraints, dtype, is_pure, pack) == ("=r,=r,=r,=r,r", torch.int32, True, 4)
    return run_packed(text, *words)


class Launched:
    """A function that is run once for each program of a grid, on the processor."""

    program = 0

    def __init__(self, function: Callable[..., None]) -> None:
        self._function = function

    def __getitem__(self, grid: Sequence[int]) -> Callable[..., None]:
        def launch(*words: object, num_warps: int, num_stages: int, **named: object) -> None:
            pointers = [
                Pointer(word.view(-1)) if isinstance(word, torch.Tensor) else word for word in words
            ]
            for Launched.program in range(*grid):
                self._function(*pointers, **named)

        return launch


def triton() -> Mapping[str, Any]:
    """Triton's modules as far as the kernels use them; they have no other names."""
    language = ModuleType("triton.language")
    language.__dict__.update(
        constexpr=object,
        float32=torch.float32,
        int16=torch.int16,
        int32=torch.int32,
        range=lambda *bounds, num_stages: range(*bounds),
        cast=cast,
        join=lambda left, right: torch.stack((left, right), dim=-1),
        reshape=torch.reshape,
        permute=torch.permute,
        sum=torch.sum,
        inline_asm_elementwise=inline_asm_elementwise,
        arange=torch.arange,
        zeros=lambda shape, dtype: torch.zeros(shape, dtype=dtype),
        dot=dot,
        program_id=lambda axis: Launched.program,
        load=load,
        store=store,
    )
    package = ModuleType("triton")
    package.__dict__.update(
        jit=Launched, cdiv=lambda whole, part: -(-whole // part), language=language
    )
    return {"triton": package, "triton.language": language}


@pytest.fixture
def kernels(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module as it would be with Triton, whose steps are made one by one on the processor."""
    for name, module in triton().items():
        monkeypatch.setitem(sys.modules, name, module)
    spec = importlib.util.spec_from_file_location("kernels_step_by_step", FILE)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check(product: Product, shape: Sequence[int], device: str, dtype: torch.dtype) -> None:
    """Compare a product with that of the numbers, with a bias and without one."""
    rows, outputs, inputs = shape
    torch.manual_seed(1)
    x = torch.randn(rows, inputs).to(device, dtype)
    codes = torch.randint(-127, 128, (outputs, inputs), dtype=torch.int8).to(device)
    scales = torch.rand(outputs).to(device) / 1000
    for bias in (torch.randn(outputs).to(device, dtype), None):
        wanted = (x.double() @ codes.double().T) * scales.double()
        wanted += bias.double() if bias is not None else 0
        made = product(x, codes, scales, bias)
        assert (made.shape, made.dtype) == ((rows, outputs), dtype)
        assert float((made - wanted).norm() / wanted.norm()) < 0.003
        for row in range(rows):  # whatever the others are
            assert torch.equal(product(x[row : row + 1], codes, scales, bias)[0], made[row])


def quantized(outputs: int, inputs: int) -> tuple[torch.Tensor, QuantState]:
    """Codes of a random matrix, as bitsandbytes makes and explains them."""
    torch.manual_seed(1)
    codes, state = quantize_4bit(torch.randn(outputs, inputs), blocksize=64, quant_type="nf4")
    return codes, state


def check_nf4(product: Nf4Product, shape: Sequence[int], device: str, dtype: torch.dtype) -> None:
    """Compare a product with that of what bitsandbytes makes of codes, with a bias and without."""
    rows, outputs, inputs = shape
    codes, state = quantized(outputs, inputs)
    matrix = dequantize_4bit(codes, state).double().to(device)
    table = tuple(state.code.tolist())
    codes, absmax = codes.to(device), state.absmax.reshape(outputs, -1).to(device)
    x = torch.randn(rows, inputs).to(device, dtype)
    for bias in (torch.randn(outputs).to(device, dtype), None):
        wanted = x.double() @ matrix.T + (bias.double() if bias is not None else 0)
        made = product(x, codes, table, absmax, bias)
        assert (made.shape, made.dtype) == ((rows, outputs), dtype)
        limit = 0.003 if dtype == torch.bfloat16 else 0.0005
        assert float((made - wanted).norm() / wanted.norm()) < limit
        for row in range(rows):  # whatever the others are
            assert torch.equal(product(x[row : row + 1], codes, table, absmax, bias)[0], made[row])


needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [*NF4_SHAPES, (16, 6400, 6144), (1, 6144, 24576)])
def test_a_product_of_4_bit_codes_is_that_of_their_numbers(
    shape: Sequence[int], dtype: torch.dtype
) -> None:
    from starcoder_cli.engines.transformers.kernels import nf4_matmul

    check_nf4(nf4_matmul, shape, "cuda", dtype)


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 32, 32), (3, 45, 300), (16, 6400, 6144), (5, 64, 512)])
def test_a_product_of_codes_is_that_of_their_numbers(
    shape: Sequence[int], dtype: torch.dtype
) -> None:
    from starcoder_cli.engines.transformers.kernels import int8_matmul

    check(int8_matmul, shape, "cuda", dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 32, 32), (3, 45, 300), (16, 33, 256), (5, 64, 512)])
def test_each_program_reads_and_writes_what_it_should(
    shape: Sequence[int], dtype: torch.dtype, kernels: ModuleType
) -> None:
    """Whole tiles and parts of one; nothing outside of a matrix is touched."""
    check(kernels.int8_matmul, shape, "cpu", dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", NF4_SHAPES)
def test_each_program_finds_its_4_bit_codes(
    shape: Sequence[int], dtype: torch.dtype, kernels: ModuleType
) -> None:
    """Whole tiles and parts of one; nothing outside of a matrix is touched."""
    check_nf4(kernels.nf4_matmul, shape, "cpu", dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_byte_stands_for_two_numbers_of_the_table(
    dtype: torch.dtype, kernels: ModuleType
) -> None:
    """The first is that of its upper half."""
    table = tuple(quantized(1, 64)[1].code.tolist())
    codes = torch.arange(256, dtype=torch.uint8)
    found = run_packed(kernels.nf4_lookup(table, dtype), codes).view(dtype).reshape(256, 2)
    rounded = torch.tensor(table).to(dtype)
    wanted = torch.stack((rounded[codes.long() >> 4], rounded[codes.long() & 15]), dim=1)
    assert torch.equal(found, wanted)


def test_bytes_are_picked_as_a_gpu_picks_them() -> None:
    """From the manual of PTX: four of eight bytes, or their signs."""
    text = "{\n.reg .b32 words;\nprmt.b32 $0, $1, 0x99887766, 0xF470;\n}"
    (found,) = run_ptx(text, torch.tensor([0x33221100]), 1)
    assert found.tolist() == [0xFF669900]


def test_rows_may_lie_apart(kernels: ModuleType) -> None:
    x = torch.arange(64, dtype=torch.float16).reshape(32, 2).T
    assert not x.is_contiguous()
    codes, scales = torch.ones(1, 32, dtype=torch.int8), torch.ones(1)
    assert kernels.int8_matmul(x, codes, scales, None).tolist() == [[992.0], [1024.0]]


def test_a_tile_has_as_many_rows_as_may_be_asked_for(kernels: ModuleType) -> None:
    """Triton's tiles have powers of two; those of a product at least sixteen."""
    sides = [kernels.MAX_KERNEL_ROWS, kernels.TILE_OUTPUTS, kernels.TILE_INPUTS]
    sides += [kernels.NF4_TILE_OUTPUTS, kernels.NF4_BLOCK_INPUTS]
    assert [side for side in sides if side < 16 or side & (side - 1)] == []
