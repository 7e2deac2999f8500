"""Where models run; `open_model` is the only door to the heavy imports."""

from pathlib import Path

from starcoder_cli.catalog import ModelSpec
from starcoder_cli.errors import UnavailableError
from starcoder_cli.model import Model

ROUND = 256


def open_model(spec: ModelSpec, path: Path | None, room: int) -> Model:
    """Load a model from its file, with a window of at least `room` tokens if it has one so large.

    A window costs memory for every token it could hold, so it is not made larger than needed.
    Raises UnavailableError for an engine that this version does not have, MachineError where the
    model does not load.
    """
    if spec.engine == "echo":
        from starcoder_cli.backends.echo import EchoModel

        return EchoModel()
    if spec.engine == "llamacpp" and path is not None:
        from starcoder_cli.backends.llamacpp import LlamaCppModel
        from starcoder_cli.gguf import read_header

        window = spec.window or read_header(path).window
        return LlamaCppModel(path, min(window, -(-room // ROUND) * ROUND))
    raise UnavailableError(
        f"{spec.name} is a transformers checkpoint, which this version cannot run",
        "choose a GGUF model: `starcoder models list` shows them",
    )
