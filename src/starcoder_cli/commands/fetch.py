"""The file of a model that a command needs: the one that is here, or pulled once."""

from collections.abc import Callable
from pathlib import Path

from starcoder_cli.catalog import ModelSpec
from starcoder_cli.commands import terms
from starcoder_cli.output import Messages


def fetch(
    spec: ModelSpec, messages: Messages, before: Callable[[], None], offline: bool
) -> Path | None:
    """The model's file or checkpoint folder, after one line that says where it comes from.

    None for a model that has no file. `before` is called before anything is fetched. A model that
    is here is used, after one note where its licence was never accepted. Raises RefusedError for
    one that would be fetched, but whose licence has to be accepted first, and what a pull raises.
    """
    if spec.engine == "echo":
        return None
    from starcoder_cli.models import consent, store

    path, licence = store.locate(spec), consent.unaccepted(spec)
    if path:
        if licence:
            terms.remind(spec, licence, messages)
        return path
    from starcoder_cli.commands.models import is_missing, obtain

    if is_missing(spec, offline):
        if licence:
            raise terms.unaccepted(spec, licence, f"run: starcoder models pull {spec.name}")
        before()
    return obtain(spec, offline)
