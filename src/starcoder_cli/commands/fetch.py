"""The file of a model that a command needs: the one that is here, or pulled once."""

from pathlib import Path

from starcoder_cli.catalog import ModelSpec
from starcoder_cli.errors import RefusedError


def fetch(spec: ModelSpec, *, offline: bool) -> Path | None:
    """The model's file or checkpoint folder, after one line that says where it comes from.

    None for a model that has no file. Raises RefusedError for a model whose licence has to be
    accepted first, and what a pull raises.
    """
    if spec.engine == "echo":
        return None
    from starcoder_cli.models import store

    path = store.locate(spec)
    if path:
        return path
    if spec.gated:
        raise RefusedError(
            f"{spec.name} is under {spec.licence}, which has to be accepted first",
            f"run: starcoder models pull {spec.name}",
        )
    from starcoder_cli.commands.models import obtain

    return obtain(spec, offline)
