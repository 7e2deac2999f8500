"""Where a checkpoint is loaded and in which form, decided from free memory before it is fetched.

Sixteen bits come first, because they are the model's own; fewer are for what would not fit
otherwise; the processor comes last.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import cbrt
from typing import Literal, TypeAlias

from starcoder_cli.errors import MachineError
from starcoder_cli.loading import Loading
from starcoder_cli.settings import Quantize

Form: TypeAlias = Literal["none", "8bit", "4bit"]
Number: TypeAlias = Literal["bf16", "fp16", "fp32"]

ROOM = 2048
"""For how many tokens of prompt and answer the program's own tables are made."""

WORKING = 600_000_000
"""Bytes that loading a model takes on each device beside what grows with the model: the libraries'
code and workspaces, and one matrix at a time brought back from 4 bits (302 MB in StarCoder)."""

ACTIVATIONS = 20
"""Numbers alive at once for each token and each unit of width while a prompt is read: the stream,
its norm and both sides of the MLP are 11, the 32-bit sums of an 8-bit layer as much as 8 more."""

QUANTIZED = {"8bit": 1.0, "4bit": 0.5 + 4 / 64}
"""Bytes for each number of a matrix; NF4 keeps one 32-bit scale for every 64 (no double one)."""

FORMS: dict[Quantize, tuple[Form, ...]] = {
    "auto": ("none", "8bit", "4bit"),
    "none": ("none",),
    "8bit": ("8bit",),
    "4bit": ("4bit",),
}

SMALLER = "choose a smaller model: `starcoder doctor` lists those that fit"


@dataclass(frozen=True)
class Device:
    """An accelerator: `cuda:0` or `mps`, what it is called, its bytes, and whether it has bf16."""

    name: str
    title: str
    free: int
    total: int
    bf16: bool = True


@dataclass(frozen=True)
class Machine:
    """What there is to compute with; `memory` counts free bytes, `bf16` is about the processor."""

    devices: tuple[Device, ...]
    memory: int
    bf16: bool = False


@dataclass(frozen=True)
class Size:
    """How many numbers a model has.

    `embedding` counts those of `parameters` that quantization leaves in 16 bit: embeddings, head,
    biases and norms. `cache_numbers` counts the keys and values that each token leaves behind,
    `adapter` the numbers of a LoRA adapter, which are kept in 32 bits.
    """

    parameters: int
    embedding: int
    cache_numbers: int
    adapter: int = 0


@dataclass(frozen=True)
class Plan:
    """Where and how a model is loaded: `cuda` is several GPUs together.

    `needed` and `available` count bytes; `whole` is what it would need without quantization.
    """

    device: str
    quantize: Form
    dtype: Number
    needed: int
    available: int
    name: str = ""
    title: str = ""
    whole: int = 0

    def text(self) -> str:
        """One line for whoever wants to know."""
        title = f" ({self.title})" if self.title else ""
        line = (
            f"{self.name}: {_form(self)} on {self.device}{title}, "
            f"needs {gigabytes(self.needed)} of {gigabytes(self.available)} free"
        )
        if self.quantize == "none":
            return line
        return f"{line}; {self.dtype} would need {gigabytes(self.whole)}"


@dataclass(frozen=True)
class _Place:
    """One or several devices that could hold a model."""

    device: str
    title: str
    free: int
    bf16: bool
    count: int = 1


def weights(size: Size, quantize: Form, dtype: Number) -> int:
    """The bytes of a model's numbers; what is not quantized takes 2, in fp32 4 each."""
    each = _bytes(dtype)
    matrices = (size.parameters - size.embedding) * QUANTIZED.get(quantize, each)
    return round(matrices + size.embedding * each) + size.adapter * _bytes("fp32")


def needed(size: Size, quantize: Form, dtype: Number, room: int) -> int:
    """The bytes that a model takes on one device, for `room` tokens of prompt and answer.

    Weights, keys and values of every token, ACTIVATIONS for every token of a prompt read at once,
    and WORKING. The width behind the activations is estimated from the number of parameters.
    """
    for_each_token = size.cache_numbers + ACTIVATIONS * width(size.parameters)
    return weights(size, quantize, dtype) + room * for_each_token * _bytes(dtype) + WORKING


def plan(name: str, size: Size, room: int, loading: Loading, machine: Machine) -> Plan:
    """The best way to load a model that fits; what was asked for is kept to.

    Raises MachineError that says what is needed and what is there.
    """
    tried = []
    for place, form, dtype in _candidates(loading, machine):
        extra = WORKING * (place.count - 1)
        need, whole = (needed(size, each, dtype, room) + extra for each in (form, "none"))
        found = Plan(place.device, form, dtype, need, place.free, name, place.title, whole)
        if found.needed <= found.available:
            return found
        tried.append(found)
    if not tried:
        raise MachineError(
            f"{loading.device} does not compute in {loading.dtype}", "leave out --dtype"
        )
    raise _too_large(name, tried, _way_out(size, room, loading, machine))


def width(parameters: int) -> int:
    """About how wide a model is, if it has w / 128 layers of 12 w² numbers; StarCoder is 6,144."""
    return round(cbrt(parameters * 128 / 12))


def gigabytes(size: int) -> str:
    """A number of bytes as `7.6 GB`."""
    return f"{size / 1e9:.1f} GB"


def _bytes(dtype: Number) -> int:
    """The bytes of a number."""
    return 4 if dtype == "fp32" else 2


def _candidates(loading: Loading, machine: Machine) -> Iterator[tuple[_Place, Form, Number]]:
    """Every way to load a model that was not ruled out, the best first."""
    gpus = _gpus(loading, machine)
    for form in FORMS[loading.quantize] if loading.dtype != "fp32" else FORMS["none"]:
        for gpu in gpus:
            best: Number = "bf16" if gpu.bf16 else "fp16"
            dtype = best if loading.dtype == "auto" else loading.dtype
            if (dtype != "bf16" or gpu.bf16) and (form == "none" or gpu.device != "mps"):
                yield gpu, form, dtype
    if loading.device in ("auto", "cpu"):
        processor = _Place("cpu", "", machine.memory, machine.bf16)
        form = "none" if loading.quantize == "auto" else loading.quantize
        for dtype in _processor_numbers(loading, machine):
            yield processor, form, dtype


def _gpus(loading: Loading, machine: Machine) -> list[_Place]:
    """The GPU with most free memory, then all; MachineError where none is the one asked for."""
    if loading.device == "cpu":
        return []
    chosen = [
        device
        for device in machine.devices
        if loading.device in ("auto", device.name, device.name.partition(":")[0])
    ]
    if not chosen and loading.device != "auto":
        names = ", ".join([*(device.name for device in machine.devices), "cpu"])
        raise MachineError(f"there is no {loading.device} here", f"there is: {names}")
    places = []
    if chosen:
        best = max(chosen, key=lambda device: device.free)
        places.append(_Place(best.name, best.title, best.free, best.bf16))
    if len(chosen) > 1:
        free = sum(device.free for device in chosen)
        bf16 = all(device.bf16 for device in chosen)
        places.append(_Place("cuda", f"{len(chosen)} GPUs together", free, bf16, len(chosen)))
    return places


def _processor_numbers(loading: Loading, machine: Machine) -> Sequence[Number]:
    """What a processor computes in, the fastest first: without bf16 of its own it emulates that."""
    if loading.dtype != "auto":
        return (loading.dtype,)
    if machine.bf16 or loading.quantize in QUANTIZED:
        return ("bf16",)
    return ("fp32", "bf16")


def _way_out(size: Size, room: int, loading: Loading, machine: Machine) -> str:
    """What to do about a model that does not fit."""
    if loading.quantize == "auto" and loading.dtype != "fp32" and loading.device in ("auto", "cpu"):
        for form in ("8bit", "4bit"):
            if needed(size, form, "bf16", room) <= machine.memory:
                return f"`--quantize {form}` fits in memory, but is slow"
    asked = loading.asked()
    return f"leave out {' and '.join(asked)}, or {SMALLER}" if asked else SMALLER


def _form(plan: Plan) -> str:
    """`8 bit`, `4 bit` or the kind of number."""
    return plan.dtype if plan.quantize == "none" else f"{plan.quantize[0]} bit"


def _too_large(name: str, tried: Sequence[Plan], hint: str) -> MachineError:
    """The error that says what a model needs, in each form once, and what is there."""
    needs: dict[tuple[Form, bool], str] = {}
    for plan in tried:
        key = (plan.quantize, plan.dtype == "fp32")
        needs.setdefault(key, f"{gigabytes(plan.needed)} in {_form(plan)}")
    if len(needs) > 1:
        needs.pop(("none", True), None)
    places = {plan.device: _available(plan) for plan in tried}
    return MachineError(
        f"{name} needs {_listed(list(needs.values()), 'or')}, "
        f"and there are {_listed(list(places.values()), 'and')}",
        hint,
    )


def _available(plan: Plan) -> str:
    """How much is free on a device."""
    size = gigabytes(plan.available)
    if plan.device == "cpu":
        return f"{size} of free memory"
    return f"{size} free on {plan.title if plan.device == 'cuda' else plan.device}"


def _listed(words: Sequence[str], last: str) -> str:
    """`a, b or c`."""
    *before, end = words
    return f"{', '.join(before)} {last} {end}" if before else end
