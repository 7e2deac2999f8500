"""Which checkpoints a graph of ours runs on a processor, and how much memory that takes."""

from importlib.util import find_spec

from starcoder_cli.engines.machine import may_have_accelerator
from starcoder_cli.engines.openvino.families import FAMILIES
from starcoder_cli.engines.transformers.placement import gigabytes
from starcoder_cli.loading import LoadOptions


def graph_weight_bytes(parameters: int, loading: LoadOptions) -> int:
    """The bytes of a graph's weights: one for each number, two where they stay as they are."""
    return parameters * (2 if loading.quantize == "none" else 1)


def graph_loading_bytes(parameters: int, loading: LoadOptions, is_prepared: bool = False) -> int:
    """The bytes that a graph takes while it is compiled: its weights, and what they become.

    Those that are prepared are read from their file and need not stay in memory.
    """
    return graph_weight_bytes(parameters, loading) + (0 if is_prepared else parameters)


def runs_in_graph(
    model_type: str,
    parameters: int,
    loading: LoadOptions,
    free_memory: int,
    is_prepared: bool = False,
) -> bool:
    """Whether a processor is to run a checkpoint of so many numbers in a graph of ours."""
    return (
        model_type in FAMILIES
        and (loading.device == "cpu" or (loading.device == "auto" and not may_have_accelerator()))
        and (loading.dtype, loading.adapter) == ("auto", "")
        and loading.quantize != "4bit"
        and find_spec("openvino") is not None
        and graph_loading_bytes(parameters, loading, is_prepared) < free_memory
    )


def describe_graph(name: str, parameters: int, loading: LoadOptions, free_memory: int) -> str:
    """One line about a model in a graph, as a PlacementPlan has it."""
    form = "16 bit" if loading.quantize == "none" else "8 bit"
    loading_bytes = gigabytes(graph_loading_bytes(parameters, loading))
    return (
        f"{name}: {form} on cpu (OpenVINO), needs {loading_bytes} of {gigabytes(free_memory)} free "
        f"while it loads, then about {gigabytes(graph_weight_bytes(parameters, loading))}"
    )
