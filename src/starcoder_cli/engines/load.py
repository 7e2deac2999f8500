"""`load_model`, the door through which all models are loaded."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from starcoder_cli.catalog import ModelSpec, find_model
from starcoder_cli.errors import DataError, InputError
from starcoder_cli.loading import ENGINE_TITLES, LoadOptions
from starcoder_cli.model import Model
from starcoder_cli.settings import EngineChoice

if TYPE_CHECKING:
    from starcoder_cli.engines.openvino.prepared import Prepared
    from starcoder_cli.engines.openvino.quantize import Bits
    from starcoder_cli.weights.checkpoint import Checkpoint

WINDOW_STEP = 256

DEFAULT_LOADING = LoadOptions()


LoadModel: TypeAlias = Callable[
    [ModelSpec, Path | None, int, LoadOptions, Callable[[str], None], int], Model
]


def load_model(
    spec: ModelSpec,
    path: Path | None,
    room: int,
    loading: LoadOptions = DEFAULT_LOADING,
    tell: Callable[[str], None] = lambda text: None,
    slots: int = 1,
) -> Model:
    """Load a model from its file or folder, with a window of at least `room` tokens if it can.

    Up to `slots` answers are generated at a time, each with its own window if the model is a
    GGUF file. A window costs memory for every token it could hold, so it is no larger than needed.
    A GGUF file that was prepared for OpenVINO runs there, any other in llama.cpp.
    `tell` is called with what was decided, a line at a time. Raises InputError if the files are
    missing, DataError and RefusedError for files that cannot be used, MachineError if the model
    does not load.
    """
    if spec.engine == "echo":
        from starcoder_cli.engines.echo import EchoModel

        return EchoModel()
    if path is None:
        raise InputError(f"{spec.name} is not installed", f"run: starcoder models pull {spec.name}")
    if spec.engine == "llamacpp":
        return open_gguf(spec, path, room, loading, slots, tell)
    if spec.base and loading.engine == "llamacpp" and not loading.adapter:
        return open_tuned_gguf(spec, room, loading, slots, tell)
    return open_checkpoint(spec, path, room, loading, slots, tell)


def open_checkpoint(
    spec: ModelSpec,
    path: Path,
    min_window: int,
    loading: LoadOptions,
    slots: int,
    notify: Callable[[str], None],
) -> Model:
    """Load a checkpoint, into our own graph on a CPU or else through transformers."""
    from starcoder_cli.engines.machine import detect_machine
    from starcoder_cli.engines.transformers.adapter import inspect_adapter
    from starcoder_cli.engines.transformers.placement import ModelSize, plan_placement

    adapter, checkpoint = inspect_adapter(loading.adapter), validate_checkpoint(spec, path)
    window = choose_window(checkpoint.window or spec.window or min_window, min_window)
    if bits := choose_graph_bits(spec, checkpoint, loading):
        from starcoder_cli.engines.openvino.families.config import NoGraphError

        with suppress(NoGraphError):
            return open_graph(spec, checkpoint, window, bits, slots, notify)
    from starcoder_cli.engines.transformers.model import HuggingFaceModel

    size = ModelSize(
        checkpoint.parameters, checkpoint.embedding_parameters, checkpoint.cache_numbers
    )
    size = replace(size, adapter_parameters=adapter.parameter_count)
    planned = plan_placement(spec.name, size, window, loading, detect_machine())
    notify(planned.describe())
    return HuggingFaceModel(checkpoint, planned, window, adapter.folder, notify)


def choose_graph_bits(
    spec: ModelSpec, checkpoint: "Checkpoint", loading: LoadOptions
) -> "Bits | None":
    """The number of bits in which a CPU runs a checkpoint, or None if no graph of ours is used."""
    from starcoder_cli.engines.machine import free_memory
    from starcoder_cli.engines.openvino.graph_fit import choose_bits
    from starcoder_cli.engines.openvino.prepared import find_prepared_checkpoint

    prepared = find_prepared_checkpoint(spec, checkpoint)
    model_type, parameters = checkpoint.model_type, checkpoint.parameters
    return choose_bits(
        model_type, parameters, loading, free_memory(), prepared.bits if prepared else 0
    )


def has_to_be_prepared(spec: ModelSpec, checkpoint: "Checkpoint", loading: LoadOptions) -> bool:
    """Whether a pulled checkpoint still has to be prepared before it can run in a graph of ours.

    Quantizing it takes more memory than running it, and to four bits it takes minutes.
    """
    from starcoder_cli.engines.machine import free_memory
    from starcoder_cli.engines.openvino.graph_fit import choose_prepared_bits
    from starcoder_cli.engines.openvino.prepared import find_prepared_checkpoint

    if spec.is_local or find_prepared_checkpoint(spec, checkpoint):
        return False
    if choose_graph_bits(spec, checkpoint, loading) not in (None, 4):
        return False
    model_type, parameters = checkpoint.model_type, checkpoint.parameters
    return choose_prepared_bits(model_type, parameters, loading, free_memory()) is not None


def open_graph(
    spec: ModelSpec,
    checkpoint: "Checkpoint",
    window: int,
    bits: "Bits",
    slots: int,
    notify: Callable[[str], None],
) -> Model:
    """Load a checkpoint into the graph of its family, with matrices in `bits` bits.

    Raises NoGraphError if its configuration asks for something the graph does not do.
    """
    from starcoder_cli.engines.openvino.model import OpenVinoModel
    from starcoder_cli.engines.openvino.prepared import find_prepared_checkpoint
    from starcoder_cli.engines.openvino.sources import checkpoint_source

    prepared = find_prepared_checkpoint(spec, checkpoint)
    is_prepared = prepared is not None and prepared.bits == bits
    form = checkpoint.dtype.lower() if bits == 16 else f"{bits} bit"
    form += ", prepared" if is_prepared else ""
    notify(f"{spec.name}: OpenVINO, {form}, a window of {window} tokens")
    folder = prepared.folder if prepared and is_prepared else None
    return OpenVinoModel(checkpoint_source(checkpoint, bits, folder), window, slots)


def open_gguf(
    spec: ModelSpec,
    path: Path,
    min_window: int,
    loading: LoadOptions,
    slots: int,
    notify: Callable[[str], None],
) -> Model:
    """Load a GGUF file or its prepared form; with an adapter, always the file itself."""
    from starcoder_cli.engines.transformers.adapter import inspect_adapter
    from starcoder_cli.weights.gguf import read_gguf_header

    window = choose_window(spec.window or read_gguf_header(path).window, min_window)
    adapter = inspect_adapter(loading.adapter).folder
    prepared = choose_prepared(spec, path, "llamacpp" if adapter else loading.engine)
    title = ENGINE_TITLES["openvino" if prepared else "llamacpp"]
    notify(f"{spec.name}: {title}, a window of {window} tokens")
    if prepared:
        from starcoder_cli.engines.openvino.model import OpenVinoModel
        from starcoder_cli.engines.openvino.sources import prepared_source

        return OpenVinoModel(prepared_source(prepared.folder, path), window, slots)
    from starcoder_cli.engines.llamacpp import LlamaCppModel

    return LlamaCppModel(path, window, slots, adapter)


def open_tuned_gguf(
    spec: ModelSpec,
    min_window: int,
    loading: LoadOptions,
    slots: int,
    notify: Callable[[str], None],
) -> Model:
    """Load the GGUF file that a model was tuned from, with its adapter, in llama.cpp.

    Raises InputError if it was not tuned from one, or the file is missing.
    """
    from starcoder_cli.models.store import ADAPTER_FOLDER, locate_model, model_folder

    base = find_model(spec.base)
    path = locate_model(base)
    if base.engine != "llamacpp" or path is None:
        raise InputError(
            f"{spec.name} was tuned from {spec.base}, which is not a GGUF file that is here",
            "omit --engine",
        )
    adapter = str(model_folder(spec) / ADAPTER_FOLDER)
    return open_gguf(base, path, min_window, replace(loading, adapter=adapter), slots, notify)


def choose_prepared(spec: ModelSpec, path: Path, engine: EngineChoice) -> "Prepared | None":
    """The prepared form of a GGUF file if that is to be used, or None to run the file itself.

    Raises InputError if it is asked for but missing.
    """
    if engine == "llamacpp":
        return None
    from starcoder_cli.engines.openvino.prepared import find_prepared

    prepared = None if spec.is_local else find_prepared(path)
    if engine == "openvino" and not prepared:
        pull = f"run: starcoder models pull {spec.name}"
        raise InputError(
            f"{spec.name} is not prepared for OpenVINO",
            "only models that are pulled can be" if spec.is_local else pull,
        )
    return prepared


def check_can_load(spec: ModelSpec, min_window: int, loading: LoadOptions) -> None:
    """Raise MachineError if a checkpoint could not be loaded, before it is fetched.

    An adapter that cannot be used is an error too. The size of the checkpoint comes from the
    catalog, or else from the hub; a model whose size neither knows passes.
    """
    if spec.engine != "huggingface":
        return
    from starcoder_cli.engines.machine import detect_machine, free_memory
    from starcoder_cli.engines.openvino.graph_fit import choose_prepared_bits
    from starcoder_cli.engines.transformers.adapter import inspect_adapter
    from starcoder_cli.engines.transformers.architectures import (
        SHAPES,
        catalog_size,
        estimate_size,
    )
    from starcoder_cli.engines.transformers.placement import plan_placement
    from starcoder_cli.models.snapshot import fetch_parameter_count

    adapter = inspect_adapter(loading.adapter)
    size = catalog_size(spec) or estimate_size(fetch_parameter_count(spec))
    size = replace(size, adapter_parameters=adapter.parameter_count)
    kind = SHAPES[spec.name].model_type if spec.name in SHAPES else ""
    if size.parameters and not choose_prepared_bits(kind, size.parameters, loading, free_memory()):
        plan_placement(
            spec.name,
            size,
            choose_window(spec.window or min_window, min_window),
            loading,
            detect_machine(),
        )


def choose_window(max_window: int, min_window: int) -> int:
    """Round `min_window` up to whole steps, but no higher than the model's own `max_window`."""
    return min(max_window, -(-min_window // WINDOW_STEP) * WINDOW_STEP)


def validate_checkpoint(spec: ModelSpec, path: Path) -> "Checkpoint":
    """Check a checkpoint folder; if it is damaged, the error says how to repair it.

    Raises what `inspect_checkpoint` raises.
    """
    from starcoder_cli.weights.checkpoint import inspect_checkpoint
    from starcoder_cli.weights.model_config import REFETCH
    from starcoder_cli.weights.safetensors import REFETCH_FILE

    try:
        return inspect_checkpoint(path)
    except DataError as error:
        if spec.is_local or spec.base or error.hint not in (REFETCH, REFETCH_FILE):
            raise
        repair = f"repair it with: starcoder models pull {spec.name}"
        raise DataError(error.message, repair) from error
