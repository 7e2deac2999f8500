"""The few instructions of PTX that a kernel has in it, on tensors of 32-bit numbers."""

from collections.abc import Callable

import torch

ALL_BITS = 0xFFFFFFFF


def permute_bytes(low: torch.Tensor, high: torch.Tensor, selector: torch.Tensor) -> torch.Tensor:
    """`prmt`: four of eight bytes; where a selector's highest bit is set, the byte's sign."""
    pool = torch.stack([(word >> 8 * at) & 255 for word in (low, high) for at in range(4)])
    found = torch.zeros_like(selector)
    for at in range(4):
        nibble = (selector >> 4 * at) & 15
        byte = pool.gather(0, (nibble & 7).unsqueeze(0))[0]
        found |= torch.where(nibble > 7, (byte >> 7) * 255, byte) << 8 * at
    return found


INSTRUCTIONS: dict[str, Callable[..., torch.Tensor]] = {
    "and.b32": torch.bitwise_and,
    "or.b32": torch.bitwise_or,
    "shr.u32": torch.bitwise_right_shift,
    "prmt.b32": permute_bytes,
}


def run_ptx(text: str, word: torch.Tensor, outputs: int) -> list[torch.Tensor]:
    """What is in the registers $0, $1... in the end, of a word in the one behind them."""
    registers = {f"${outputs}": word.long() & ALL_BITS}

    def value(name: str) -> torch.Tensor:
        return registers[name] if name in registers else torch.tensor(int(name, 0))

    declaration, *lines = text.strip("{}\n").splitlines()
    names = {*declaration.removeprefix(".reg .b32 ").rstrip(";").split(", ")}
    names |= {f"${at}" for at in range(outputs)}
    for line in lines:
        name, target, *operands = line.rstrip(";").replace(",", "").split()
        assert target in names, line
        values = torch.broadcast_tensors(*[value(operand) for operand in operands])
        registers[target] = INSTRUCTIONS[name](*values)
    return [registers[f"${at}"] for at in range(outputs)]


def run_packed(text: str, data: torch.Tensor) -> torch.Tensor:
    """A 32-bit number for each byte, of a text that takes four bytes at once."""
    words = data.contiguous().view(-1).view(torch.int32)
    made = torch.stack(run_ptx(text, words, 4), dim=-1)
    signed = torch.where(made > ALL_BITS >> 1, made - (ALL_BITS + 1), made)
    return signed.to(torch.int32).reshape(data.shape)
