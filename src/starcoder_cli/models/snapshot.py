"""Checkpoint folders of the Hugging Face hub, in the hub's own cache, shared with other programs.

Only weights in safetensors, JSON and tokenizer texts are fetched: never pickles, never code.
"""

from dataclasses import dataclass
from pathlib import Path

from starcoder_cli.catalog import ModelSpec
from starcoder_cli.errors import InputError, RefusedError, UnavailableError, WriteError
from starcoder_cli.models import hub
from starcoder_cli.models.transfer import REACH, Progress, background, bounded, check_room

WEIGHTS = "model*.safetensors"
WANTED = [WEIGHTS, "*.json", "tokenizer.model", "chat_template.jinja", "*.txt"]
UNWANTED = ["*/*"]


@dataclass(frozen=True)
class Listing:
    """The names of a repository's files, and the bytes of those that are wanted."""

    names: tuple[str, ...]
    size: int


def locate(spec: ModelSpec) -> Path | None:
    """The complete snapshot of a checkpoint in the hub's cache; None where it is not here."""
    from huggingface_hub import constants

    if not _cached(spec, Path(constants.HF_HUB_CACHE)).is_dir():
        return None
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        found = snapshot_download(
            spec.repository,
            revision=spec.revision,
            allow_patterns=WANTED,
            ignore_patterns=UNWANTED,
            local_files_only=True,
        )
    except LocalEntryNotFoundError:
        return None
    folder = Path(found)
    return folder if any(folder.glob(WEIGHTS)) and (folder / "config.json").is_file() else None


def parameters(spec: ModelSpec) -> int:
    """How many numbers the hub says that a checkpoint has; 0 where it does not say."""
    from httpx2 import HTTPError
    from huggingface_hub import HfApi

    def told() -> int:
        api = HfApi(endpoint=hub.endpoint())
        stated = api.model_info(spec.repository, revision=spec.revision, timeout=REACH).safetensors
        return stated.total if stated else 0

    hub.quiet()
    try:
        return bounded(told)
    except (HTTPError, UnavailableError):  # a pull says what is wrong
        return 0


def pull(spec: ModelSpec, progress: Progress) -> Path:
    """Fetch a checkpoint into the hub's cache; files that are whole survive an interruption.

    Raises RefusedError for a licence that has to be accepted and for pickled weights,
    UnavailableError with the reason, WriteError where there is no room.
    """
    from huggingface_hub import constants

    hub.quiet()
    listing = bounded(lambda: _listing(spec))
    if not any(Path(name).match(WEIGHTS) for name in listing.names):
        raise _unusable(spec, listing)
    cache = Path(constants.HF_HUB_CACHE)
    cache.mkdir(parents=True, exist_ok=True)
    blobs = _cached(spec, cache) / "blobs"
    check_room(cache, listing.size - _bytes(blobs))
    return _snapshot(spec, listing, blobs, progress)


def remove(spec: ModelSpec) -> None:
    """Delete a checkpoint from the hub's cache; InputError where it is not there."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        cache = scan_cache_dir()
    except CacheNotFound:
        cache = None
    repositories = cache.repos if cache else frozenset()
    found = [repo for repo in repositories if repo.repo_id == spec.repository]
    if cache is None or not found:
        raise InputError(f"{spec.name} is not here", "see `starcoder models list`")
    commits = [revision.commit_hash for repo in found for revision in repo.revisions]
    cache.delete_revisions(*commits).execute()


def _cached(spec: ModelSpec, cache: Path) -> Path:
    """The folder of a repository in the hub's cache."""
    return cache / f"models--{spec.repository.replace('/', '--')}"


def _listing(spec: ModelSpec) -> Listing:
    """What a repository holds, after a look whether its files may be had."""
    from fnmatch import fnmatch

    from httpx2 import HTTPError
    from huggingface_hub import HfApi

    hub.look(spec)
    try:
        info = HfApi(endpoint=hub.endpoint()).model_info(
            spec.repository, revision=spec.revision, files_metadata=True, timeout=REACH
        )
    except HTTPError as error:
        raise hub.translate(error, spec) from error
    top = [file for file in info.siblings or [] if "/" not in file.rfilename]
    wanted = [file for file in top if any(fnmatch(file.rfilename, name) for name in WANTED)]
    return Listing(tuple(file.rfilename for file in top), sum(file.size or 0 for file in wanted))


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


def _snapshot(spec: ModelSpec, listing: Listing, blobs: Path, progress: Progress) -> Path:
    """Run the download in a thread and tell how far it is by what lies in the cache."""
    from concurrent.futures import wait

    future = background(lambda: _download(spec))
    while not wait([future], timeout=0.5).done:
        progress(min(_bytes(blobs), listing.size), listing.size)
    path = future.result()
    progress(listing.size, listing.size)
    return path


def _download(spec: ModelSpec) -> Path:
    """The snapshot's folder, once everything wanted is in it."""
    from httpx2 import HTTPError
    from huggingface_hub import snapshot_download

    try:
        return Path(
            snapshot_download(
                spec.repository,
                revision=spec.revision,
                allow_patterns=WANTED,
                ignore_patterns=UNWANTED,
                endpoint=hub.endpoint(),
            )
        )
    except HTTPError as error:
        raise hub.translate(error, spec) from error
    except OSError as error:
        if error.errno is None:
            raise UnavailableError("the transfer broke off") from error
        raise WriteError(
            f"cannot write the hub's cache: {error.strerror}", "free some space or set HF_HOME"
        ) from error


def _bytes(folder: Path) -> int:
    """How many bytes lie in a folder, files that vanish meanwhile left out."""
    total = 0
    for path in folder.glob("*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total
