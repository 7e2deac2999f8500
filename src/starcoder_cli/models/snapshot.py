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
from starcoder_cli.models.cache import PARTIAL, WANTED, WEIGHTS, Manifest
from starcoder_cli.models.hub import Remote
from starcoder_cli.models.transfer import (
    CHANGED,
    CHUNK,
    REACH,
    Progress,
    bounded,
    check_room,
    digest,
    nothing,
    saving,
)

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo

GIT = 40
"""How long the names are that git gives to bytes; others are as long as a sha256."""


@dataclass(frozen=True)
class Listing:
    """A commit of a repository, and the names of the files at its top."""

    commit: str
    names: tuple[str, ...]


def parameters(spec: ModelSpec) -> int:
    """How many numbers the hub says that a checkpoint has; 0 where it does not say."""
    hub.quiet()
    try:
        stated = bounded(lambda: _info(spec, spec.revision)).safetensors
    except StarcoderError:  # a pull says what is wrong
        return 0
    return stated.total if stated else 0


def verify(spec: ModelSpec, progress: Progress) -> Path | None:
    """The snapshot whose every byte is as it was when it was fetched; None where there is none."""
    manifest = cache.read_manifest(spec)
    if manifest is None:
        return None
    folder = cache.snapshot(spec, manifest.commit)
    total = sum(verified.size for verified in manifest.files.values())
    done = 0
    files = {}
    for name, verified in manifest.files.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != verified.size:
            return None
        if digest(path, _part_of(progress, done, total)) != verified.sha256:
            return None
        files[name] = cache.seen(path, verified.sha256)
        done += verified.size
    if files == manifest.files:
        return folder
    with _writing():
        return cache.keep(spec, replace(manifest, files=files))


def pull(spec: ModelSpec, progress: Progress) -> Path:
    """Fetch what is missing or damaged of a checkpoint, at the commit that was fetched before.

    Where the hub has that commit no longer, it is the one that the revision stands for now. Raises
    RefusedError for a licence that has to be accepted and for pickled weights, UnavailableError
    with the reason, WriteError where there is no room.
    """
    hub.quiet()
    manifest = cache.read_manifest(spec)
    listing = _before(spec, manifest) or bounded(lambda: _listing(spec, spec.revision))
    if not any(Path(name).match(WEIGHTS) for name in listing.names):
        raise _unusable(spec, listing)
    remotes = {
        name: _look(replace(spec, file=name, revision=listing.commit))
        for name in listing.names
        if any(Path(name).match(pattern) for pattern in WANTED)
    }
    with _writing():
        digests = _fetch(spec, remotes, progress)
        cache.link(spec, listing.commit, {name: each.name for name, each in remotes.items()})
        if manifest is None or manifest.commit != listing.commit:
            cache.refer(spec, listing.commit)
        folder = cache.snapshot(spec, listing.commit)
        files = {name: cache.seen(folder / name, sha256) for name, sha256 in digests.items()}
        cache.keep(spec, Manifest(spec.revision, listing.commit, files))
        cache.sweep(spec)
    return folder


def _before(spec: ModelSpec, manifest: Manifest | None) -> Listing | None:
    """What a repository held at the commit that was fetched before; None where that is gone."""
    from huggingface_hub.errors import RevisionNotFoundError

    if manifest is None:
        return None
    try:
        return bounded(lambda: _listing(spec, manifest.commit))
    except UnavailableError as error:
        if isinstance(error.__cause__, RevisionNotFoundError):
            return None
        raise


def _info(spec: ModelSpec, revision: str) -> "ModelInfo":
    """What the hub says about a repository."""
    from huggingface_hub import HfApi

    with hub.translated(spec):
        return HfApi(endpoint=hub.endpoint()).model_info(
            spec.repository, revision=revision, timeout=REACH
        )


def _listing(spec: ModelSpec, revision: str) -> Listing:
    """What a repository holds."""
    info = _info(spec, revision)
    if not re.fullmatch("[0-9a-f]{40}", info.sha or ""):
        raise UnavailableError("what answers there is not a hub")
    names = (file.rfilename for file in info.siblings or [])
    return Listing(str(info.sha), tuple(name for name in names if not re.search(r"[/\\:\0]", name)))


def _unusable(spec: ModelSpec, listing: Listing) -> RefusedError:
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


def _look(spec: ModelSpec) -> Remote:
    """What the hub says about one file of a checkpoint."""
    return bounded(lambda: hub.look(spec))


@contextmanager
def _writing() -> Iterator[None]:
    """Names the variable that moves the hub's cache where it cannot be written."""
    try:
        yield
    except WriteError as error:
        raise WriteError(error.message, "free some space or set HF_HOME") from error


def _fetch(spec: ModelSpec, remotes: Mapping[str, Remote], progress: Progress) -> Mapping[str, str]:
    """Bring the bytes of these files, each verified; their sha256 by name."""
    blobs = cache.repository(spec) / "blobs"
    with saving(blobs):
        blobs.mkdir(parents=True, exist_ok=True)
        (blobs.parent / "snapshots").mkdir(exist_ok=True)  # or the cache counts as corrupt
    total = sum(remote.size for remote in remotes.values())
    here = sum(_length(blobs / remote.name, remote.size) for remote in remotes.values())
    check_room(blobs, total - here)
    digests = {}
    done = 0
    for name, remote in remotes.items():
        digests[name] = bring(remote, blobs / remote.name, _part_of(progress, done, total))
        done += remote.size
    return digests


def _length(blob: Path, size: int) -> int:
    """How many bytes of a blob are here, whole or partial."""
    part = blob.with_name(blob.name + PARTIAL)
    lengths = (path.stat().st_size for path in (blob, part) if path.is_file())
    return min(next(lengths, 0), size)


def _part_of(progress: Progress, before: int, total: int) -> Progress:
    """The progress of one file as that of all of them."""
    return lambda done, _: progress(before + done, total)


def bring(remote: Remote, blob: Path, progress: Progress) -> str:
    """See that a file is here with the bytes that the hub states; its sha256.

    Raises UnavailableError where it sends others, and what a transfer raises.
    """
    if blob.is_file():
        sha256 = _right(remote, blob, progress)
        if sha256:
            return sha256
        with saving(blob):
            blob.unlink()
    part = blob.with_name(blob.name + PARTIAL)
    # A beginning that another program left may have gaps.
    for fresh in (not part.exists(), True):
        try:
            hub.transfer(remote, part, progress)
        except WriteError:
            part.unlink(missing_ok=True)
            raise
        sha256 = _right(remote, part)
        if sha256:
            with saving(blob):
                part.replace(blob)
            return sha256
        part.unlink()
        if fresh:
            break
    raise UnavailableError(CHANGED)


def _right(remote: Remote, path: Path, progress: Progress = nothing) -> str:
    """The sha256 of a file that has the bytes which the hub states; empty where it has others.

    Small files are named as git does, and by some mirrors by their plain sha1. A mirror that names
    them in another way states nothing about their bytes.
    """
    if remote.size and path.stat().st_size != remote.size:
        return ""
    sha256 = digest(path, progress)
    if remote.sha256:
        return sha256 if sha256 == remote.sha256 else ""
    return sha256 if len(remote.name) != GIT or remote.name in _sha1(path) else ""


def _sha1(path: Path) -> tuple[str, str]:
    """A file's sha1, as git takes it and plain."""
    from hashlib import sha1

    git = sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    plain = sha1(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            git.update(chunk)
            plain.update(chunk)
    return git.hexdigest(), plain.hexdigest()
