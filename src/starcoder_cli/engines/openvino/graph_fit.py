"""Which checkpoints a graph of ours runs on a processor, and how much memory that takes."""

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
"""What a choice allows, the best first."""

BYTES_PER_NUMBER: Mapping[Bits, float] = {4: 0.72, 8: 1.07, 16: 2}
"""With scales, of four bits with zeros too, for each 32 numbers; room for vectors and tables.

In four bits a fifth has eight: attention and head.
"""

COMPILED_BYTES_PER_NUMBER: Mapping[Bits, float] = {4: 0.85, 8: 1.14, 16: 1.07}
"""Once they are laid out, with scales and offsets in 32 bits: measured (`bench/results/cpu.md`)."""


def graph_weight_bytes(parameters: int, bits: Bits) -> int:
    """The bytes of a graph's weights."""
    return round(parameters * BYTES_PER_NUMBER[bits])


def graph_loading_bytes(parameters: int, bits: Bits, is_prepared: bool = False) -> int:
    """The bytes that a graph takes while it is compiled: its weights, and what they become.

    Those that are prepared are read from their file and need not stay in memory.
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
    """How many bits a checkpoint's matrices have in a graph of ours on a processor.

    Those that they were prepared in, else the most that there is memory for. None where a processor
    is not to run it, or no graph can.
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
    """How many bits a checkpoint is to be prepared in: the most with which it will load here."""
    allowed = ALLOWED_BITS[quantize]
    return next(
        (bits for bits in allowed if graph_loading_bytes(parameters, bits, True) < free_memory),
        allowed[-1],
    )


def choose_prepared_bits(
    model_type: str, parameters: int, loading: LoadOptions, free_memory: int
) -> Bits | None:
    """What `choose_bits` gives for a checkpoint that is pulled, and prepared where it has to be."""
    prepared_bits = bits_to_prepare(parameters, loading.quantize, free_memory)
    return choose_bits(model_type, parameters, loading, free_memory, prepared_bits)


def describe_graph(name: str, parameters: int, bits: Bits, free_memory: int) -> str:
    """One line about a model that is pulled into a graph, as a PlacementPlan has it."""
    needed_bytes = graph_loading_bytes(parameters, bits, is_prepared=bits < 16)
    needed = f"{gigabytes(needed_bytes)} of {gigabytes(free_memory)} free"
    return f"{name}: {bits} bit on cpu (OpenVINO), needs {needed}"
