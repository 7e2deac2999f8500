"""The hub's own cache of checkpoints, shared with other programs, and what was verified in it.

Each repository has a folder there. Its files lie in `blobs` under the names that the hub has for
their bytes, `snapshots/COMMIT` holds links to them, and `refs` says which commit a branch was when
the hub was last asked: https://huggingface.co/docs/huggingface_hub/guides/manage-cache. A manifest
of ours lies beside these: it pins the commit, and holds what a changed file would betray itself by.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from starcoder_cli.catalog import ModelSpec
from starcoder_cli.errors import DataError, RefusedError, UnavailableError
from starcoder_cli.files.small import replace_text
from starcoder_cli.models import hub
from starcoder_cli.models.transfer import translate_write_errors
from starcoder_cli.models.verified import VerifiedFile
from starcoder_cli.net.clients import describe_proxy

CHECKPOINT_MANIFEST_NAME = "starcoder.json"
PARTIAL_SUFFIX = ".incomplete"

WEIGHTS_PATTERN = "model*.safetensors"
ALLOW_PATTERNS = [WEIGHTS_PATTERN, "*.json", "tokenizer.model", "chat_template.jinja", "*.txt"]
IGNORE_PATTERNS = ["*/*"]

STALE_PARTIAL_SECONDS = 3600.0
"""After how many seconds nobody is writing a partial file any more."""


@dataclass(frozen=True)
class CheckpointManifest:
    """The commit that was fetched for a revision, and the files of it that were verified."""

    revision: str
    commit: str
    files: Mapping[str, VerifiedFile]


def repository_folder(spec: ModelSpec) -> Path:
    """The folder of a checkpoint's repository."""
    return cache_folder() / f"models--{spec.repository.replace('/', '--')}"


def snapshot_folder(spec: ModelSpec, commit: str) -> Path:
    """The folder of a checkpoint's files as of a commit."""
    return repository_folder(spec) / "snapshots" / commit


def locate_checkpoint(spec: ModelSpec) -> Path | None:
    """The complete snapshot of a checkpoint: the verified one, else what other programs fetched.

    None where there is none. Raises DataError for one with a file that changed since it was
    verified.
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
    """The snapshot that the revision stands for, complete as far as the hub's library can tell."""
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
    """What was verified of a checkpoint; None where nothing was, or nothing that is still meant."""
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
    """Write what was verified of a checkpoint; its snapshot."""
    path = repository_folder(spec) / CHECKPOINT_MANIFEST_NAME
    with translate_write_errors(path):
        replace_text(path, json.dumps(asdict(manifest), indent=1) + "\n")
    return snapshot_folder(spec, manifest.commit)


def link_snapshot(spec: ModelSpec, commit: str, blobs: Mapping[str, str]) -> None:
    """Give blobs their names in the snapshot of a commit."""
    folder = snapshot_folder(spec, commit)
    with translate_write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, blob in blobs.items():
            _create_link(folder / name, Path("..", "..", "blobs", blob))


def write_ref(spec: ModelSpec, commit: str) -> None:
    """Let a checkpoint's revision stand for a commit."""
    reference = repository_folder(spec) / "refs" / spec.revision
    with translate_write_errors(reference):
        if spec.revision != commit:
            replace_text(reference, commit)


def _create_link(path: Path, target: Path) -> None:
    """Let `path` be a link, a hard one where the system or the user may make no other."""
    if path.is_symlink() and path.readlink() == target:
        return
    path.unlink(missing_ok=True)
    try:
        path.symlink_to(target)
    except OSError:
        path.hardlink_to(path.parent / target)


def remove_stale_partials(spec: ModelSpec) -> None:
    """Remove the partial files that nobody goes on with: neither we nor another program."""
    import time

    blobs = repository_folder(spec) / "blobs"
    for path in blobs.glob(f"*{PARTIAL_SUFFIX}"):
        with translate_write_errors(path):
            if time.time() - path.stat().st_mtime > STALE_PARTIAL_SECONDS:
                path.unlink(missing_ok=True)


def delete_snapshots(spec: ModelSpec) -> None:
    """Delete the snapshots of a checkpoint, and what only they use of files that several share."""
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
    """Whether there is a token: in HF_TOKEN, or from `hf auth login`."""
    from huggingface_hub import get_token

    return get_token() is not None


def fetch_user_name() -> str:
    """The name of the account that the token belongs to.

    Raises RefusedError where the hub does not take the token, UnavailableError where it does not
    answer as a hub.
    """
    from httpx2 import HTTPError, InvalidURL
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    try:
        account = HfApi(endpoint=hub.hub_url()).whoami()
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403):
            raise RefusedError(
                "the hub does not take the token",
                "log in again with `hf auth login`, or unset HF_TOKEN",
            ) from None  # the library's error may hold what was sent
        raise UnavailableError(f"it answered with status {status}") from error
    except (HTTPError, ImportError, InvalidURL, ValueError) as error:
        proxy = describe_proxy(hub.hub_url())
        raise UnavailableError(f"it did not say{proxy}: {type(error).__name__}") from error
    return str(account.get("name", "?"))
