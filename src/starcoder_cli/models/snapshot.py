"""Checkpoints from the Hugging Face hub, file by file, each verified before it has its name.

Only weights in safetensors, JSON and tokenizer texts are fetched: never pickles, never code. They
come as one model file does, on from where an earlier try broke off, into the hub's own cache.
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
from starcoder_cli.models.transfer import (
    DIGEST_MISMATCH,
    DOWNLOAD_CHUNK_BYTES,
    RESPONSE_TIMEOUT_SECONDS,
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

GIT_SHA1_DIGITS = 40
"""How long the names are that git gives to bytes; others are as long as a sha256."""


@dataclass(frozen=True)
class RepositoryListing:
    """A commit of a repository, and the names of the files at its top."""

    commit: str
    names: tuple[str, ...]


def fetch_parameter_count(spec: ModelSpec) -> int:
    """How many numbers the hub says that a checkpoint has; 0 where it does not say."""
    hub.silence_hub_library()
    try:
        safetensors = call_with_timeout(
            lambda: _fetch_repository_info(spec, spec.revision)
        ).safetensors
    except StarcoderError:  # a pull says what is wrong
        return 0
    return safetensors.total if safetensors else 0


def verify_checkpoint(spec: ModelSpec, progress: Progress) -> Path | None:
    """The snapshot whose every byte is as it was when it was fetched; None where there is none."""
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
    """Fetch what is missing or damaged of a checkpoint, at the commit that was fetched before.

    Where the hub has that commit no longer, it is the one that the revision stands for now. Raises
    RefusedError for a licence that has to be accepted and for pickled weights, UnavailableError
    with the reason, WriteError where there is no room.
    """
    hub.silence_hub_library()
    manifest = cache.read_checkpoint_manifest(spec)
    listing = _list_pinned_commit(spec, manifest) or call_with_timeout(
        lambda: _list_repository(spec, spec.revision)
    )
    if not any(Path(name).match(WEIGHTS_PATTERN) for name in listing.names):
        raise _no_safetensors_error(spec, listing)
    remotes = {
        name: _fetch_metadata(replace(spec, file=name, revision=listing.commit))
        for name in listing.names
        if any(Path(name).match(pattern) for pattern in ALLOW_PATTERNS)
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
    """What a repository held at the commit that was fetched before; None where that is gone."""
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
    """What the hub says about a repository."""
    from huggingface_hub import HfApi

    with hub.translate_hub_errors(spec):
        return HfApi(endpoint=hub.hub_url()).model_info(
            spec.repository, revision=revision, timeout=RESPONSE_TIMEOUT_SECONDS
        )


def _list_repository(spec: ModelSpec, revision: str) -> RepositoryListing:
    """What a repository holds."""
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
    """What the hub says about one file of a checkpoint."""
    return call_with_timeout(lambda: hub.fetch_file_metadata(spec))


@contextmanager
def _hint_at_hf_home() -> Iterator[None]:
    """Names the variable that moves the hub's cache where it cannot be written."""
    try:
        yield
    except WriteError as error:
        raise WriteError(error.message, "free some space or set HF_HOME") from error


def _fetch_blobs(
    spec: ModelSpec, remotes: Mapping[str, RemoteFile], progress: Progress
) -> Mapping[str, str]:
    """Bring the bytes of these files, each verified; their sha256 by name."""
    blobs = cache.repository_folder(spec) / "blobs"
    with translate_write_errors(blobs):
        blobs.mkdir(parents=True, exist_ok=True)
        (blobs.parent / "snapshots").mkdir(exist_ok=True)  # or the cache counts as corrupt
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
    """How many bytes of a blob are here, whole or partial."""
    part = blob.with_name(blob.name + PARTIAL_SUFFIX)
    lengths = (path.stat().st_size for path in (blob, part) if path.is_file())
    return min(next(lengths, 0), size)


def _offset_progress(progress: Progress, offset: int, total: int) -> Progress:
    """The progress of one file as that of all of them."""
    return lambda done, _: progress(offset + done, total)


def fetch_verified(remote: RemoteFile, blob: Path, progress: Progress) -> str:
    """See that a file is here with the bytes that the hub states; its sha256.

    Raises UnavailableError where it sends others, and what a transfer raises.
    """
    if blob.is_file():
        sha256 = _matching_digest(remote, blob, progress)
        if sha256:
            return sha256
        with translate_write_errors(blob):
            blob.unlink()
    part = blob.with_name(blob.name + PARTIAL_SUFFIX)
    # A beginning that another program left may have gaps.
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
    """The sha256 of a file that has the bytes which the hub states; empty where it has others.

    Small files are named as git does, and by some mirrors by their plain sha1. A mirror that names
    them in another way states nothing about their bytes.
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
    """A file's sha1, as git takes it and plain."""
    from hashlib import sha1

    git = sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    plain = sha1(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(DOWNLOAD_CHUNK_BYTES):
            git.update(chunk)
            plain.update(chunk)
    return git.hexdigest(), plain.hexdigest()
