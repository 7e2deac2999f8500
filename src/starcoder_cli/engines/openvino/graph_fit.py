"""Which checkpoints one of our graphs runs on a CPU, and how much memory that takes."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec

from starcoder_cli.engines.machine import may_have_accelerator
from starcoder_cli.engines.openvino.families import FAMILIES
from starcoder_cli.engines.openvino.quantize import Bits
from starcoder_cli.engines.transformers.placement import gigabytes
from starcoder_cli.loading import LoadOptions
from starcoder_cli.settings import QuantizeChoice

ALLOWED_BITS: Mapping[QuantizeChoice, Sequence[Bits]] = {
    "auto": (8, 4),
    "none": (16,),
    "8bit": (8,),
    "4bit": (4,),
}
"""What each choice allows, best first."""

BYTES_PER_NUMBER: Mapping[Bits, float] = {4: 0.72, 8: 1.07, 16: 2}
"""Includes scales (and zeros in four bits) for every 32 numbers; room for vectors and tables.

In four bits, a fifth of the numbers are in eight: attention and head.
"""

COMPILED_BYTES_PER_NUMBER: Mapping[Bits, float] = {4: 0.85, 8: 1.14, 16: 1.07}
"""After compilation, with scales and offsets in 32 bits: measured (`bench/results/cpu.md`)."""


def graph_weight_bytes(parameters: int, bits: Bits) -> int:
    """The size of a graph's weights in bytes."""
    return round(parameters * BYTES_PER_NUMBER[bits])


def graph_loading_bytes(parameters: int, bits: Bits, is_prepared: bool = False) -> int:
    """The bytes that a graph takes while it compiles: its weights, and what they turn into.

    Prepared weights are read from their file and need not stay in memory.
    """
    compiled_bytes = round(parameters * COMPILED_BYTES_PER_NUMBER[bits])
    return compiled_bytes + (0 if is_prepared else graph_weight_bytes(parameters, bits))


def choose_bits(
    model_type: str,
    parameters: int,
    loading: LoadOptions,
    free_memory: int,
    prepared_bits: int = 0,
) -> Bits | None:
    """In how many bits one of our graphs holds a checkpoint's matrices on a CPU.

    The bits they were prepared in, else the most that memory allows. None if the model is not to
    run on a CPU, or if no graph can run it.
    """
    is_for_graph = (
        model_type in FAMILIES
        and (loading.device == "cpu" or (loading.device == "auto" and not may_have_accelerator()))
        and (loading.dtype, loading.adapter) == ("auto", "")
        and find_spec("openvino") is not None
    )
    if not is_for_graph:
        return None
    fitting = [
        bits
        for bits in ALLOWED_BITS[loading.quantize]
        if graph_loading_bytes(parameters, bits, bits == prepared_bits) < free_memory
    ]
    return next((bits for bits in fitting if bits == prepared_bits), next(iter(fitting), None))


def bits_to_prepare(parameters: int, quantize: QuantizeChoice, free_memory: int) -> Bits:
    """How many bits to prepare a checkpoint in: the most with which it will load here."""
    allowed = ALLOWED_BITS[quantize]
    return next(
        (bits for bits in allowed if graph_loading_bytes(parameters, bits, True) < free_memory),
        allowed[-1],
    )


def choose_prepared_bits(
    model_type: str, parameters: int, loading: LoadOptions, free_memory: int
) -> Bits | None:
    """What `choose_bits` returns for a checkpoint once it is pulled and, if needed, prepared."""
    prepared_bits = bits_to_prepare(parameters, loading.quantize, free_memory)
    return choose_bits(model_type, parameters, loading, free_memory, prepared_bits)


def describe_graph(name: str, parameters: int, bits: Bits, free_memory: int) -> str:
    """One line about a model pulled to run in a graph, like that of a PlacementPlan."""
    needed_bytes = graph_loading_bytes(parameters, bits, is_prepared=bits < 16)
    needed = f"{gigabytes(needed_bytes)} of {gigabytes(free_memory)} free"
    return f"{name}: {bits} bit on cpu (OpenVINO), needs {needed}"
