"""Where models run; `open_model` is the only door to the heavy imports."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from starcoder_cli.catalog import ModelSpec
from starcoder_cli.errors import DataError, InputError
from starcoder_cli.loading import TITLES, Loading, Work, soonest
from starcoder_cli.model import Model
from starcoder_cli.settings import Engine

if TYPE_CHECKING:
    from starcoder_cli.engines.openvino.prepared import Prepared
    from starcoder_cli.weights.checkpoint import Checkpoint

ROUND = 256

AUTOMATIC, NOTHING = Loading(), Work(0, 0)


def open_model(
    spec: ModelSpec,
    path: Path | None,
    room: int,
    loading: Loading = AUTOMATIC,
    tell: Callable[[str], None] = lambda text: None,
    work: Work = NOTHING,
) -> Model:
    """Load a model from its file or folder, with a window of at least `room` tokens if it can.

    Of a GGUF file each of the `work`'s slots has a window of its own. A window costs memory for
    every token it could hold, so it is not made larger than needed. How much work there is decides
    between the engines that a file was prepared for.
    `tell` is given what was decided, a line at a time. Raises InputError where the files are not
    here, DataError and RefusedError for files that are not used, MachineError where the model
    does not load.
    """
    if spec.engine == "echo":
        from starcoder_cli.engines.echo import EchoModel

        return EchoModel()
    if path is None:
        raise InputError(f"{spec.name} is not here", f"run: starcoder models pull {spec.name}")
    if spec.engine == "llamacpp":
        return open_file(spec, path, room, loading.engine, work, tell)
    from starcoder_cli.engines.machine import machine
    from starcoder_cli.engines.transformers.adapter import examine
    from starcoder_cli.engines.transformers.model import HuggingFaceModel
    from starcoder_cli.engines.transformers.placement import Size, plan

    adapter, checkpoint = examine(loading.adapter), inspected(spec, path)
    window = narrowed(checkpoint.window or spec.window or room, room)
    size = Size(checkpoint.parameters, checkpoint.embedding, checkpoint.cache_numbers)
    size = replace(size, adapter=adapter.numbers)
    planned = plan(spec.name, size, window, loading, machine())
    tell(planned.text())
    return HuggingFaceModel(checkpoint, planned, window, adapter.folder, tell)


def open_file(
    spec: ModelSpec, path: Path, room: int, engine: Engine, work: Work, tell: Callable[[str], None]
) -> Model:
    """Load a GGUF file, or what it was prepared in."""
    from starcoder_cli.weights.gguf import read_header

    window = narrowed(spec.window or read_header(path).window, room)
    prepared = chosen(spec, path, engine, work, tell)
    title = TITLES["openvino" if prepared else "llamacpp"]
    tell(f"{spec.name}: {title}, a window of {window} tokens")
    if prepared:
        from starcoder_cli.engines.openvino.model import OpenVinoModel

        return OpenVinoModel(prepared.folder, path, window, work.slots)
    from starcoder_cli.engines.llamacpp import LlamaCppModel

    return LlamaCppModel(path, window, work.slots)


def chosen(
    spec: ModelSpec, path: Path, engine: Engine, work: Work, tell: Callable[[str], None]
) -> "Prepared | None":
    """What a GGUF file was prepared in, where that is to run it; None for the file itself.

    Raises InputError where it is asked for but not there.
    """
    if engine == "llamacpp":
        return None
    from starcoder_cli.engines.openvino.prepared import find

    prepared = None if spec.local else find(path)
    if engine == "openvino" and not prepared:
        pull = f"run: starcoder models pull {spec.name}"
        raise InputError(
            f"{spec.name} is not prepared for OpenVINO",
            "only models that are pulled can be" if spec.local else pull,
        )
    if engine == "openvino" or not prepared:
        return prepared
    expected = {name: round(pace.seconds(work), 1) for name, pace in prepared.paces.items()}
    tell(f"{spec.name}: expected seconds: {expected}")
    return prepared if soonest(prepared.paces, work) == "openvino" else None


def foresee(spec: ModelSpec, room: int, loading: Loading) -> None:
    """MachineError where a checkpoint could not be loaded, before it is fetched.

    An adapter that could not be used is an error too. The size of the checkpoint is the catalog's,
    else what the hub says; a model of which neither knows it passes.
    """
    if spec.engine != "huggingface":
        return
    from starcoder_cli.engines.machine import machine
    from starcoder_cli.engines.transformers.adapter import examine
    from starcoder_cli.engines.transformers.architectures import catalog_size, estimated
    from starcoder_cli.engines.transformers.placement import plan
    from starcoder_cli.models.snapshot import parameters

    adapter = examine(loading.adapter)
    size = catalog_size(spec) or estimated(parameters(spec))
    size = replace(size, adapter=adapter.numbers)
    if size.parameters:
        plan(spec.name, size, narrowed(spec.window or room, room), loading, machine())


def narrowed(window: int, room: int) -> int:
    """A window that has the room, in whole steps, but is no wider than the model's own."""
    return min(window, -(-room // ROUND) * ROUND)


def inspected(spec: ModelSpec, path: Path) -> "Checkpoint":
    """A checkpoint folder, found consistent; of a damaged one, the error says how to repair it.

    Raises what `inspect` raises.
    """
    from starcoder_cli.weights.checkpoint import inspect
    from starcoder_cli.weights.model_config import AGAIN
    from starcoder_cli.weights.safetensors import FILE_AGAIN

    try:
        return inspect(path)
    except DataError as error:
        if spec.local or error.hint not in (AGAIN, FILE_AGAIN):
            raise
        repair = f"repair it with: starcoder models pull {spec.name}"
        raise DataError(error.message, repair) from error
