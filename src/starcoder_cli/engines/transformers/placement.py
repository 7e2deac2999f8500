"""Where and in which form a checkpoint is loaded, decided from free memory before it is fetched.

Sixteen bits come first, because they are the model's own; fewer are for what would not fit
otherwise; the CPU comes last.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import cbrt
from typing import Literal, TypeAlias

from starcoder_cli.errors import MachineError
from starcoder_cli.loading import LoadOptions
from starcoder_cli.settings import QuantizeChoice

Quantization: TypeAlias = Literal["none", "8bit", "4bit"]
NumberFormat: TypeAlias = Literal["bf16", "fp16", "fp32"]

REFERENCE_WINDOW = 2048
"""The window, in tokens of prompt and answer, that the program's own tables assume."""

WORKSPACE_BYTES = 600_000_000
"""Bytes that loading a model takes on each device besides what grows with the model: the libraries'
code and workspaces, and one matrix at a time expanded from 4 bits (302 MB in StarCoder)."""

ACTIVATIONS_PER_WIDTH = 20
"""Numbers alive at once for each token and each unit of width while a prompt is read: the stream,
its norm and both sides of the MLP are 11, an 8-bit layer's 32-bit sums as much as 8 more."""

QUANTIZED_BYTES = {"8bit": 1.0, "4bit": 0.5 + 4 / 64}
"""Bytes for each number of a matrix; NF4 keeps one scale, of 32 unquantized bits, for every 64."""

QUANTIZATION_CHOICES: dict[QuantizeChoice, tuple[Quantization, ...]] = {
    "auto": ("none", "8bit", "4bit"),
    "none": ("none",),
    "8bit": ("8bit",),
    "4bit": ("4bit",),
}

SMALLER_MODEL_HINT = "choose a smaller model: `starcoder doctor` lists those that fit"


@dataclass(frozen=True)
class Accelerator:
    """An accelerator: `cuda:0` or `mps`, its product name, its bytes, and whether it has bf16."""

    name: str
    title: str
    free: int
    total: int
    has_bf16: bool = True


@dataclass(frozen=True)
class Machine:
    """What there is to compute with; `free_memory` is in bytes, `has_bf16` is about the CPU."""

    accelerators: tuple[Accelerator, ...]
    free_memory: int
    has_bf16: bool = False


@dataclass(frozen=True)
class ModelSize:
    """How many numbers a model has.

    `unquantized` counts those of `parameters` that quantization leaves in 16 bits: embeddings,
    head, biases and norms. `cache_numbers` counts the keys and values that each token leaves in
    the cache, `adapter_parameters` the numbers of a LoRA adapter, which are kept in 32 bits.
    """

    parameters: int
    unquantized: int
    cache_numbers: int
    adapter_parameters: int = 0


@dataclass(frozen=True)
class PlacementPlan:
    """Where and how a model is loaded: `cuda` means several GPUs together.

    `unquantized_bytes` is what it would need without quantization.
    """

    device: str
    quantization: Quantization
    dtype: NumberFormat
    required_bytes: int
    available_bytes: int
    model_name: str = ""
    device_title: str = ""
    unquantized_bytes: int = 0

    def describe(self) -> str:
        """One line that describes the plan to the user."""
        title = f" ({self.device_title})" if self.device_title else ""
        line = (
            f"{self.model_name}: {_format_label(self)} on {self.device}{title}, "
            f"needs {gigabytes(self.required_bytes)} of {gigabytes(self.available_bytes)} free"
        )
        if self.quantization == "none":
            return line
        return f"{line}; {self.dtype} would need {gigabytes(self.unquantized_bytes)}"


@dataclass(frozen=True)
class _DeviceGroup:
    """One or several devices that could hold a model."""

    device: str
    title: str
    free: int
    has_bf16: bool
    count: int = 1


def weight_bytes(size: ModelSize, quantization: Quantization, dtype: NumberFormat) -> int:
    """The bytes of a model's numbers; what is not quantized takes 2 each, in fp32 4."""
    plain = _number_bytes(dtype)
    matrices = (size.parameters - size.unquantized) * QUANTIZED_BYTES.get(quantization, plain)
    adapter = size.adapter_parameters * _number_bytes("fp32")
    return round(matrices + size.unquantized * plain) + adapter


def required_bytes(
    size: ModelSize, quantization: Quantization, dtype: NumberFormat, window: int
) -> int:
    """The bytes that a model takes on one device, for `window` tokens of prompt and answer.

    Weights, keys and values of every token, ACTIVATIONS_PER_WIDTH for every token of a prompt
    read at once, and WORKSPACE_BYTES. The width is estimated from the number of parameters.
    """
    bytes_per_token = size.cache_numbers + ACTIVATIONS_PER_WIDTH * estimate_width(size.parameters)
    return (
        weight_bytes(size, quantization, dtype)
        + window * bytes_per_token * _number_bytes(dtype)
        + WORKSPACE_BYTES
    )


def plan_placement(
    name: str, size: ModelSize, window: int, loading: LoadOptions, machine: Machine
) -> PlacementPlan:
    """The best way to load a model that fits, within what the user asked for.

    Raises MachineError saying what is needed and what there is.
    """
    tried = []
    for group, quantization, dtype in _placement_options(loading, machine):
        extra = WORKSPACE_BYTES * (group.count - 1)
        required, unquantized = (
            required_bytes(size, each, dtype, window) + extra for each in (quantization, "none")
        )
        option = PlacementPlan(
            group.device, quantization, dtype, required, group.free, name, group.title, unquantized
        )
        if option.required_bytes <= option.available_bytes:
            return option
        tried.append(option)
    if not tried:
        raise MachineError(
            f"{loading.device} does not compute in {loading.dtype}", "leave out --dtype"
        )
    raise _too_large_error(name, tried, _remedy(size, window, loading, machine))


def estimate_width(parameters: int) -> int:
    """Estimate a model's width, taking it to have w / 128 layers of 12 w²; StarCoder's is 6,144."""
    return round(cbrt(parameters * 128 / 12))


def gigabytes(size: int) -> str:
    """Format a number of bytes as `7.6 GB`."""
    return f"{size / 1e9:.1f} GB"


def _number_bytes(dtype: NumberFormat) -> int:
    """The bytes of a number."""
    return 4 if dtype == "fp32" else 2


def _placement_options(
    loading: LoadOptions, machine: Machine
) -> Iterator[tuple[_DeviceGroup, Quantization, NumberFormat]]:
    """Every way to load a model that is not ruled out, best first."""
    gpus = _gpu_groups(loading, machine)
    for quantization in (
        QUANTIZATION_CHOICES[loading.quantize]
        if loading.dtype != "fp32"
        else QUANTIZATION_CHOICES["none"]
    ):
        for gpu in gpus:
            native_format: NumberFormat = "bf16" if gpu.has_bf16 else "fp16"
            dtype = native_format if loading.dtype == "auto" else loading.dtype
            if (dtype != "bf16" or gpu.has_bf16) and (
                quantization == "none" or gpu.device != "mps"
            ):
                yield gpu, quantization, dtype
    if loading.device in ("auto", "cpu"):
        processor = _DeviceGroup("cpu", "", machine.free_memory, machine.has_bf16)
        quantization = "none" if loading.quantize == "auto" else loading.quantize
        for dtype in _processor_formats(loading, machine):
            yield processor, quantization, dtype


def _gpu_groups(loading: LoadOptions, machine: Machine) -> list[_DeviceGroup]:
    """The GPU with the most free memory, then all; raises MachineError if none is as requested."""
    if loading.device == "cpu":
        return []
    matching = [
        device
        for device in machine.accelerators
        if loading.device in ("auto", device.name, device.name.partition(":")[0])
    ]
    if not matching and loading.device != "auto":
        names = ", ".join([*(device.name for device in machine.accelerators), "cpu"])
        raise MachineError(f"there is no {loading.device} here", f"there is: {names}")
    groups = []
    if matching:
        best = max(matching, key=lambda device: device.free)
        groups.append(_DeviceGroup(best.name, best.title, best.free, best.has_bf16))
    if len(matching) > 1:
        free = sum(device.free for device in matching)
        has_bf16 = all(device.has_bf16 for device in matching)
        groups.append(
            _DeviceGroup("cuda", f"{len(matching)} GPUs together", free, has_bf16, len(matching))
        )
    return groups


def _processor_formats(loading: LoadOptions, machine: Machine) -> Sequence[NumberFormat]:
    """The formats a CPU computes in, fastest first; one without bf16 of its own emulates it."""
    if loading.dtype != "auto":
        return (loading.dtype,)
    if machine.has_bf16 or loading.quantize in QUANTIZED_BYTES:
        return ("bf16",)
    return ("fp32", "bf16")


def _remedy(size: ModelSize, window: int, loading: LoadOptions, machine: Machine) -> str:
    """What to do about a model that does not fit."""
    if loading.quantize == "auto" and loading.dtype != "fp32" and loading.device in ("auto", "cpu"):
        for quantization in ("8bit", "4bit"):
            if required_bytes(size, quantization, "bf16", window) <= machine.free_memory:
                return f"`--quantize {quantization}` fits in memory, but is slow"
    flags = loading.restricting_flags()
    return (
        f"leave out {' and '.join(flags)}, or {SMALLER_MODEL_HINT}" if flags else SMALLER_MODEL_HINT
    )


def _format_label(plan: PlacementPlan) -> str:
    """Format as `8 bit`, `4 bit` or the number format."""
    return plan.dtype if plan.quantization == "none" else f"{plan.quantization[0]} bit"


def _too_large_error(name: str, tried: Sequence[PlacementPlan], hint: str) -> MachineError:
    """The error that says what a model needs, once for each form, and what there is."""
    requirements: dict[tuple[Quantization, bool], str] = {}
    for plan in tried:
        key = (plan.quantization, plan.dtype == "fp32")
        requirements.setdefault(key, f"{gigabytes(plan.required_bytes)} in {_format_label(plan)}")
    if len(requirements) > 1:
        requirements.pop(("none", True), None)
    available = {plan.device: _available_label(plan) for plan in tried}
    return MachineError(
        f"{name} needs {_join_words(list(requirements.values()), 'or')}, "
        f"but there is only {_join_words(list(available.values()), 'and')}",
        hint,
    )


def _available_label(plan: PlacementPlan) -> str:
    """How much is free on a device."""
    size = gigabytes(plan.available_bytes)
    if plan.device == "cpu":
        return f"{size} of free memory"
    return f"{size} free on {plan.device_title if plan.device == 'cuda' else plan.device}"


def _join_words(words: Sequence[str], conjunction: str) -> str:
    """Join words as `a, b or c`."""
    *leading, final = words
    return f"{', '.join(leading)} {conjunction} {final}" if leading else final
