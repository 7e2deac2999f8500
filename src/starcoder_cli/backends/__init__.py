"""Where models run; `open_model` is the only door to the heavy imports."""

from collections.abc import Callable
from pathlib import Path

from starcoder_cli.catalog import ModelSpec
from starcoder_cli.errors import InputError
from starcoder_cli.loading import Loading
from starcoder_cli.model import Model

ROUND = 256

AUTOMATIC = Loading()


def open_model(
    spec: ModelSpec,
    path: Path | None,
    room: int,
    loading: Loading = AUTOMATIC,
    tell: Callable[[str], None] = lambda text: None,
    slots: int = 1,
) -> Model:
    """Load a model from its file or folder, with a window of at least `room` tokens if it can.

    Of a GGUF file so many `slots` answer at a time, each with a window of its own. A window costs
    memory for every token it could hold, so it is not made larger than needed.
    `tell` is given what was decided, a line at a time. Raises InputError where the files are not
    here, DataError and RefusedError for files that are not used, MachineError where the model
    does not load.
    """
    if spec.engine == "echo":
        from starcoder_cli.backends.echo import EchoModel

        return EchoModel()
    if path is None:
        raise InputError(f"{spec.name} is not here", f"run: starcoder models pull {spec.name}")
    if spec.engine == "llamacpp":
        from starcoder_cli.backends.llamacpp import LlamaCppModel
        from starcoder_cli.gguf import read_header

        window = narrowed(spec.window or read_header(path).window, room)
        tell(f"{spec.name}: llama.cpp, a window of {window} tokens")
        return LlamaCppModel(path, window, slots)
    from starcoder_cli.backends.devices import machine
    from starcoder_cli.backends.huggingface import HuggingFaceModel
    from starcoder_cli.checkpoint import inspect
    from starcoder_cli.plan import Size, plan

    checkpoint = inspect(path)
    window = narrowed(checkpoint.window or spec.window or room, room)
    size = Size(checkpoint.parameters, checkpoint.embedding, checkpoint.cache_numbers)
    planned = plan(spec.name, size, window, loading, machine())
    tell(planned.text())
    return HuggingFaceModel(checkpoint, planned, window, loading.adapter, tell)


def foresee(spec: ModelSpec, room: int, loading: Loading) -> None:
    """MachineError where a checkpoint could not be loaded, before it is fetched.

    Its size is the catalog's, else what the hub says; a model of which neither knows it passes.
    """
    if spec.engine != "huggingface":
        return
    from starcoder_cli.backends.devices import machine
    from starcoder_cli.models.snapshot import parameters
    from starcoder_cli.plan import plan
    from starcoder_cli.shapes import catalog_size, estimated

    size = catalog_size(spec) or estimated(parameters(spec))
    if size.parameters:
        plan(spec.name, size, narrowed(spec.window or room, room), loading, machine())


def narrowed(window: int, room: int) -> int:
    """A window that has the room, in whole steps, but is no wider than the model's own."""
    return min(window, -(-room // ROUND) * ROUND)
