"""Checkpoints from the Hugging Face hub, file by file, each verified before it gets its name.

Only safetensors weights, JSON and tokenizer texts are fetched: never pickles, never code. Like a
single model file, they are resumed after an interruption; they go into the hub's own cache.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from starcoder_cli.catalog import ModelSpec
from starcoder_cli.errors import RefusedError, StarcoderError, UnavailableError, WriteError
from starcoder_cli.models import cache, hub
from starcoder_cli.models.cache import (
    ALLOW_PATTERNS,
    PARTIAL_SUFFIX,
    WEIGHTS_PATTERN,
    CheckpointManifest,
)
from starcoder_cli.models.hub import RemoteFile
from starcoder_cli.models.hub_api import ask_hub
from starcoder_cli.models.transfer import (
    DIGEST_MISMATCH,
    DOWNLOAD_CHUNK_BYTES,
    Progress,
    call_with_timeout,
    check_disk_space,
    compute_sha256,
    ignore_progress,
    translate_write_errors,
)
from starcoder_cli.models.verified import VerifiedFile, verify_file

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo

MAX_CHECKPOINT_FILES = 1000

GIT_SHA1_DIGITS = 40
"""The length of git's names for blobs; other names are as long as a sha256."""


@dataclass(frozen=True)
class RepositoryListing:
    """A commit of a repository, and the names of its top-level files."""

    commit: str
    names: tuple[str, ...]


def fetch_parameter_count(spec: ModelSpec) -> int:
    """The number of parameters of a checkpoint according to the hub; 0 if it does not say."""
    hub.silence_hub_library()
    try:
        safetensors = call_with_timeout(
            lambda: _fetch_repository_info(spec, spec.revision)
        ).safetensors
    except StarcoderError:  # a pull reports the error
        return 0
    return safetensors.total if safetensors else 0


def verify_checkpoint(spec: ModelSpec, progress: Progress) -> Path | None:
    """The snapshot if every byte is unchanged since it was fetched, else None."""
    manifest = cache.read_checkpoint_manifest(spec)
    if manifest is None:
        return None
    folder = cache.snapshot_folder(spec, manifest.commit)
    total = sum(verified.size for verified in manifest.files.values())
    done = 0
    for name, verified in manifest.files.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != verified.size:
            return None
        if not verify_file(path, verified.sha256, _offset_progress(progress, done, total)):
            return None
        done += verified.size
    return folder


def fetch_checkpoint(spec: ModelSpec, progress: Progress) -> Path:
    """Fetch the missing or damaged files of a checkpoint, at the commit that was fetched before.

    If the hub no longer has that commit, the revision's current one is used. Raises RefusedError
    for a licence that must be accepted first and for pickled weights, UnavailableError with the
    reason, WriteError if there is no room.
    """
    hub.silence_hub_library()
    manifest = cache.read_checkpoint_manifest(spec)
    listing = _list_pinned_commit(spec, manifest) or call_with_timeout(
        lambda: _list_repository(spec, spec.revision)
    )
    if not any(Path(name).match(WEIGHTS_PATTERN) for name in listing.names):
        raise _no_safetensors_error(spec, listing)
    names = [
        name
        for name in listing.names
        if any(Path(name).match(pattern) for pattern in ALLOW_PATTERNS)
    ]
    if len(names) > MAX_CHECKPOINT_FILES:
        raise RefusedError(f"{spec.repository} has {len(names)} files, which no checkpoint needs")
    remotes = {
        name: _fetch_metadata(replace(spec, file=name, revision=listing.commit)) for name in names
    }
    with _hint_at_hf_home():
        digests = _fetch_blobs(spec, remotes, progress)
        cache.link_snapshot(
            spec, listing.commit, {name: remote.blob_name for name, remote in remotes.items()}
        )
        if manifest is None or manifest.commit != listing.commit:
            cache.write_ref(spec, listing.commit)
        folder = cache.snapshot_folder(spec, listing.commit)
        files = {name: VerifiedFile.of(folder / name, sha256) for name, sha256 in digests.items()}
        cache.save_checkpoint_manifest(
            spec, CheckpointManifest(spec.revision, listing.commit, files)
        )
        cache.remove_stale_partials(spec)
    return folder


def _list_pinned_commit(
    spec: ModelSpec, manifest: CheckpointManifest | None
) -> RepositoryListing | None:
    """A repository's files at the commit that was fetched before; None if the commit is gone."""
    from huggingface_hub.errors import RevisionNotFoundError

    if manifest is None:
        return None
    try:
        return call_with_timeout(lambda: _list_repository(spec, manifest.commit))
    except UnavailableError as error:
        if isinstance(error.__cause__, RevisionNotFoundError):
            return None
        raise


def _fetch_repository_info(spec: ModelSpec, revision: str) -> "ModelInfo":
    """The hub's information about a repository."""
    from huggingface_hub import ModelInfo

    with hub.translate_hub_errors(spec):
        answer = ask_hub(f"/api/models/{spec.repository}/revision/{revision}")
        if not isinstance(answer, dict):
            raise UnavailableError("what answers there is not a hub")
        return ModelInfo(**answer)  # type: ignore[no-untyped-call] # it has none


def _list_repository(spec: ModelSpec, revision: str) -> RepositoryListing:
    """The commit and files of a repository."""
    info = _fetch_repository_info(spec, revision)
    if not re.fullmatch("[0-9a-f]{40}", info.sha or ""):
        raise UnavailableError("what answers there is not a hub")
    names = (file.rfilename for file in info.siblings or [])
    return RepositoryListing(
        str(info.sha), tuple(name for name in names if not re.search(r"[/\\:\0]", name))
    )


def _no_safetensors_error(spec: ModelSpec, listing: RepositoryListing) -> RefusedError:
    """Why a repository without safetensors is not pulled."""
    files = [name for name in listing.names if name.lower().endswith(".gguf")]
    if files:
        return RefusedError(
            f"{spec.repository} holds GGUF files, of which one has to be named",
            f"for instance: starcoder models pull {spec.repository}/{files[0]}",
        )
    return RefusedError(
        f"{spec.repository} has no safetensors, and pickled weights can run code",
        "choose a repository with safetensors",
    )


def _fetch_metadata(spec: ModelSpec) -> RemoteFile:
    """The hub's metadata for one file of a checkpoint."""
    return call_with_timeout(lambda: hub.fetch_file_metadata(spec))


@contextmanager
def _hint_at_hf_home() -> Iterator[None]:
    """If the hub's cache cannot be written, name the variable that moves it."""
    try:
        yield
    except WriteError as error:
        raise WriteError(error.message, "free some space or set HF_HOME") from error


def _fetch_blobs(
    spec: ModelSpec, remotes: Mapping[str, RemoteFile], progress: Progress
) -> Mapping[str, str]:
    """Download and verify these files; returns their sha256 by name."""
    blobs = cache.repository_folder(spec) / "blobs"
    with translate_write_errors(blobs):
        blobs.mkdir(parents=True, exist_ok=True)
        (blobs.parent / "snapshots").mkdir(exist_ok=True)  # otherwise the cache counts as corrupt
    total = sum(remote.size for remote in remotes.values())
    present = sum(
        _present_bytes(blobs / remote.blob_name, remote.size) for remote in remotes.values()
    )
    check_disk_space(blobs, total - present)
    digests = {}
    done = 0
    for name, remote in remotes.items():
        digests[name] = fetch_verified(
            remote, blobs / remote.blob_name, _offset_progress(progress, done, total)
        )
        done += remote.size
    return digests


def _present_bytes(blob: Path, size: int) -> int:
    """The bytes of a blob that are here, whole or partial."""
    part = blob.with_name(blob.name + PARTIAL_SUFFIX)
    lengths = (path.stat().st_size for path in (blob, part) if path.is_file())
    return min(next(lengths, 0), size)


def _offset_progress(progress: Progress, offset: int, total: int) -> Progress:
    """Report the progress of one file as part of the total."""
    return lambda done, _: progress(offset + done, total)


def fetch_verified(remote: RemoteFile, blob: Path, progress: Progress) -> str:
    """Make sure that a file with the hub's stated bytes is here; returns its sha256.

    Raises UnavailableError if the hub sends other bytes, and whatever a transfer raises.
    """
    if blob.is_file():
        sha256 = _matching_digest(remote, blob, progress)
        if sha256:
            return sha256
        with translate_write_errors(blob):
            blob.unlink()
    part = blob.with_name(blob.name + PARTIAL_SUFFIX)
    # A partial file left by another program may have gaps.
    for is_fresh in (not part.exists(), True):
        try:
            hub.download_resumably(remote, part, progress)
        except WriteError:
            part.unlink(missing_ok=True)
            raise
        sha256 = _matching_digest(remote, part)
        if sha256:
            with translate_write_errors(blob):
                part.replace(blob)
            return sha256
        part.unlink()
        if is_fresh:
            break
    raise UnavailableError(DIGEST_MISMATCH)


def _matching_digest(remote: RemoteFile, path: Path, progress: Progress = ignore_progress) -> str:
    """The sha256 of a file if it has the bytes that the hub states, else empty.

    Small files are named by their git hash, and by their plain sha1 on some mirrors. A mirror with
    other names states nothing about their bytes.
    """
    if remote.size and path.stat().st_size != remote.size:
        return ""
    sha256 = compute_sha256(path, progress)
    if remote.sha256:
        return sha256 if sha256 == remote.sha256 else ""
    return (
        sha256
        if len(remote.blob_name) != GIT_SHA1_DIGITS or remote.blob_name in _sha1_digests(path)
        else ""
    )


def _sha1_digests(path: Path) -> tuple[str, str]:
    """A file's git and plain sha1."""
    from hashlib import sha1

    git = sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    plain = sha1(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(DOWNLOAD_CHUNK_BYTES):
            git.update(chunk)
            plain.update(chunk)
    return git.hexdigest(), plain.hexdigest()
