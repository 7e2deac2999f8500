"""The hub's own cache of checkpoints, shared with other programs, and what was verified in it.

Each repository has a folder there. Its files are in `blobs`, named by the hub's digest of their
bytes; `snapshots/COMMIT` holds links to them, and `refs` records the commit of a branch when the
hub was last asked: https://huggingface.co/docs/huggingface_hub/guides/manage-cache. Our own
manifest beside these pins the commit and holds what would reveal a changed file.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from starcoder_cli.catalog import ModelSpec
from starcoder_cli.errors import DataError, RefusedError, UnavailableError
from starcoder_cli.files.small import replace_text
from starcoder_cli.models import hub
from starcoder_cli.models.hub_api import ask_hub
from starcoder_cli.models.transfer import translate_write_errors
from starcoder_cli.models.verified import VerifiedFile
from starcoder_cli.net.clients import describe_proxy

CHECKPOINT_MANIFEST_NAME = "starcoder.json"
PARTIAL_SUFFIX = ".incomplete"

WEIGHTS_PATTERN = "model*.safetensors"
ALLOW_PATTERNS = [WEIGHTS_PATTERN, "*.json", "tokenizer.model", "chat_template.jinja", "*.txt"]
IGNORE_PATTERNS = ["*/*"]

STALE_PARTIAL_SECONDS = 3600.0
"""Seconds after which a partial file is considered abandoned."""


@dataclass(frozen=True)
class CheckpointManifest:
    """The commit that was downloaded for a revision, and its verified files."""

    revision: str
    commit: str
    files: Mapping[str, VerifiedFile]


def repository_folder(spec: ModelSpec) -> Path:
    """The cache folder of a checkpoint's repository."""
    return cache_folder() / f"models--{spec.repository.replace('/', '--')}"


def snapshot_folder(spec: ModelSpec, commit: str) -> Path:
    """The folder of a checkpoint's files at a commit."""
    return repository_folder(spec) / "snapshots" / commit


def locate_checkpoint(spec: ModelSpec) -> Path | None:
    """Find a complete snapshot of a checkpoint: the verified one, else another program's.

    Returns None if there is none. Raises DataError if a file has changed since it was verified.
    """
    if not repository_folder(spec).is_dir():
        return None
    manifest = read_checkpoint_manifest(spec)
    if manifest is None:
        return _locate_unverified(spec)
    folder = snapshot_folder(spec, manifest.commit)
    if not all((folder / name).is_file() for name in manifest.files):
        return None
    for name, verified in manifest.files.items():
        if not verified.is_intact(folder / name):
            raise DataError(
                f"{folder / name} is not the file that was verified",
                f"repair it with: starcoder models pull {spec.name}",
            )
    return folder


def _locate_unverified(spec: ModelSpec) -> Path | None:
    """The snapshot of the revision, complete as far as the hub's library can tell."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        path = snapshot_download(
            spec.repository,
            revision=spec.revision,
            allow_patterns=ALLOW_PATTERNS,
            ignore_patterns=IGNORE_PATTERNS,
            local_files_only=True,
        )
    except LocalEntryNotFoundError:
        return None
    folder = Path(path)
    return (
        folder if any(folder.glob(WEIGHTS_PATTERN)) and (folder / "config.json").is_file() else None
    )


def read_checkpoint_manifest(spec: ModelSpec) -> CheckpointManifest | None:
    """The manifest of a verified checkpoint; None if there is none or it is out of date."""
    try:
        values = json.loads((repository_folder(spec) / CHECKPOINT_MANIFEST_NAME).read_bytes())
        files = {
            str(name): VerifiedFile(
                str(entry["sha256"]), int(entry["size"]), int(entry["mtime_ns"])
            )
            for name, entry in values["files"].items()
        }
        manifest = CheckpointManifest(str(values["revision"]), str(values["commit"]), files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    is_current = (
        manifest.revision == spec.revision and snapshot_folder(spec, manifest.commit).is_dir()
    )
    return manifest if is_current else None


def save_checkpoint_manifest(spec: ModelSpec, manifest: CheckpointManifest) -> Path:
    """Write the manifest of a verified checkpoint; returns its snapshot folder."""
    path = repository_folder(spec) / CHECKPOINT_MANIFEST_NAME
    with translate_write_errors(path):
        replace_text(path, json.dumps(asdict(manifest), indent=1) + "\n")
    return snapshot_folder(spec, manifest.commit)


def link_snapshot(spec: ModelSpec, commit: str, blobs: Mapping[str, str]) -> None:
    """Link blobs under their names in the snapshot of a commit."""
    folder = snapshot_folder(spec, commit)
    with translate_write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, blob in blobs.items():
            _create_link(folder / name, Path("..", "..", "blobs", blob))


def write_ref(spec: ModelSpec, commit: str) -> None:
    """Point a checkpoint's revision at a commit."""
    reference = repository_folder(spec) / "refs" / spec.revision
    with translate_write_errors(reference):
        if spec.revision != commit:
            replace_text(reference, commit)


def _create_link(path: Path, target: Path) -> None:
    """Make `path` a link, a hard one if symbolic links are not possible."""
    if path.is_symlink() and path.readlink() == target:
        return
    path.unlink(missing_ok=True)
    try:
        path.symlink_to(target)
    except OSError:
        path.hardlink_to(path.parent / target)


def remove_stale_partials(spec: ModelSpec) -> None:
    """Remove partial files that no program is still downloading."""
    import time

    blobs = repository_folder(spec) / "blobs"
    for path in blobs.glob(f"*{PARTIAL_SUFFIX}"):
        with translate_write_errors(path):
            if time.time() - path.stat().st_mtime > STALE_PARTIAL_SECONDS:
                path.unlink(missing_ok=True)


def delete_snapshots(spec: ModelSpec) -> None:
    """Delete the snapshots of a checkpoint, but no files that others share."""
    from huggingface_hub import scan_cache_dir

    cache_info = scan_cache_dir(cache_folder())
    commits = [
        revision.commit_hash
        for cached_repository in cache_info.repos
        if (cached_repository.repo_type, cached_repository.repo_id) == ("model", spec.repository)
        for revision in cached_repository.revisions
    ]
    cache_info.delete_revisions(*commits).execute()


def cache_folder() -> Path:
    """The folder of checkpoints: HF_HUB_CACHE, else in HF_HOME, else in the user's cache."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def has_token() -> bool:
    """Whether there is a token, in HF_TOKEN or from `hf auth login`."""
    from huggingface_hub import get_token

    return get_token() is not None


def fetch_user_name() -> str:
    """The name of the account that the token belongs to.

    Raises RefusedError if the hub rejects the token, UnavailableError if it does not answer like a
    hub.
    """
    from httpx2 import HTTPError, InvalidURL
    from huggingface_hub.errors import HfHubHTTPError

    try:
        account = ask_hub("/api/whoami-v2")
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403):
            raise RefusedError(
                "the hub does not take the token",
                "log in again with `hf auth login`, or unset HF_TOKEN",
            ) from None  # the library's error may contain the request
        raise UnavailableError(f"it answered with status {status}") from error
    except (HTTPError, ImportError, InvalidURL) as error:
        proxy = describe_proxy(hub.hub_url())
        raise UnavailableError(f"it did not say{proxy}: {type(error).__name__}") from error
    return str(account.get("name", "?")) if isinstance(account, dict) else "?"
