"""The folder of model files: one folder per model, with the file and a manifest.

The manifest is written after the file was verified, and records what would reveal a changed file:
its size and modification time. So a file is hashed once, not on every start.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from starcoder_cli.catalog import CATALOG, TUNED_KEY, ModelSpec, find_model
from starcoder_cli.errors import BusyError, CreateError, DataError, InputError, UsageError
from starcoder_cli.files.small import replace_text
from starcoder_cli.models import cache
from starcoder_cli.models.transfer import DownloadedFile, translate_write_errors
from starcoder_cli.models.verified import VerifiedFile
from starcoder_cli.settings import models_dir
from starcoder_cli.system.file_lock import hold_lock

MODEL_MANIFEST_NAME = "manifest.json"
ADAPTER_FOLDER, CHECKPOINT_FOLDER, DATA_CARD_FILE = "adapter", "checkpoint", "data-card.md"
"""The contents of a locally tuned model's folder."""

TUNING_FOLDER = ".tuning"
"""Unfinished trainings, each in a folder with the model's name."""


@dataclass(frozen=True)
class ModelManifest:
    """The state of a model file when it was verified."""

    name: str
    sha256: str
    size: int
    mtime_ns: int
    source: str


def model_folder(spec: ModelSpec) -> Path:
    """The folder of a model's file; hub ids never contain `--`, so two models never share one."""
    return models_dir() / spec.name.replace("/", "--")


def model_file_path(spec: ModelSpec) -> Path:
    """Where a model's file is, or would be."""
    return Path(spec.file) if spec.is_local else model_folder(spec) / Path(spec.file).name


def tuned_checkpoint(spec: ModelSpec) -> Path:
    """The checkpoint folder of a locally tuned model."""
    return model_folder(spec) / CHECKPOINT_FOLDER


def locate_model(spec: ModelSpec) -> Path | None:
    """The verified file, or checkpoint folder, of a model; None if it is not here.

    Raises DataError if a file, including one of a checkpoint, has changed since it was verified.
    """
    if spec.engine == "echo":
        return None
    if spec.is_local:
        return model_file_path(spec) if model_file_path(spec).exists() else None
    if spec.base:
        folder = tuned_checkpoint(spec)
        return folder if (folder / "config.json").is_file() else None
    if not spec.file:
        return cache.locate_checkpoint(spec)
    manifest = read_model_manifest(model_folder(spec))
    if manifest is None or (spec.sha256 and manifest.sha256 != spec.sha256):
        return None
    return _path_if_unchanged(spec, manifest)


def _path_if_unchanged(spec: ModelSpec, manifest: ModelManifest) -> Path | None:
    """The file that the manifest describes; None if it is gone."""
    path = model_file_path(spec)
    verified = VerifiedFile(manifest.sha256, manifest.size, manifest.mtime_ns)
    try:
        is_intact = verified.is_intact(path)
    except FileNotFoundError:
        return None
    if not is_intact:
        raise DataError(
            f"{path} is not the file that was verified",
            f"repair it with: starcoder models pull {spec.name}",
        )
    return path


def read_model_manifest(folder: Path) -> ModelManifest | None:
    """The manifest in a model's folder; None if it is missing or malformed."""
    try:
        values = json.loads((folder / MODEL_MANIFEST_NAME).read_bytes())
        return ModelManifest(
            name=str(values["name"]),
            sha256=str(values["sha256"]),
            size=int(values["size"]),
            mtime_ns=int(values["mtime_ns"]),
            source=str(values["source"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def save_model_file(spec: ModelSpec, download: DownloadedFile) -> Path:
    """Rename a verified file to its final name, write the manifest, then remove leftovers.

    The order matters: if killed in between, the file is verified again, never used unverified.
    """
    path = model_file_path(spec)
    with translate_write_errors(path):
        if download.path != path:
            (path.parent / MODEL_MANIFEST_NAME).unlink(missing_ok=True)
            download.path.replace(path)
        status = path.stat()
        manifest = ModelManifest(
            spec.name, download.sha256, status.st_size, status.st_mtime_ns, download.source
        )
        text = json.dumps(asdict(manifest), indent=1) + "\n"
        replace_text(path.parent / MODEL_MANIFEST_NAME, text)
        remove_partial_files(path.parent)
    return path


def save_tuned_model(spec: ModelSpec, staged: Path, record: Mapping[str, object]) -> Path:
    """Move a folder with a checkpoint, an adapter and a data card into the store as a model.

    An earlier tuned model with the same name is replaced. Raises WriteError.
    """
    import shutil

    folder = model_folder(spec)
    with lock_model(spec), translate_write_errors(folder):
        size = sum(path.stat().st_size for path in staged.rglob("*") if path.is_file())
        manifest = ModelManifest(spec.name, "", size, 0, f"tuned from {spec.base}")
        text = json.dumps({**asdict(manifest), TUNED_KEY: record}, indent=1) + "\n"
        replace_text(staged / MODEL_MANIFEST_NAME, text)
        earlier = staged.with_name(f"{staged.name}.earlier")  # kept until its successor is there
        shutil.rmtree(earlier, ignore_errors=True)
        with suppress(FileNotFoundError):
            folder.replace(earlier)
        staged.replace(folder)
        shutil.rmtree(earlier, ignore_errors=True)
    return tuned_checkpoint(spec)


def remove_partial_files(folder: Path) -> None:
    """Remove everything unfinished from a model's folder."""
    import shutil

    for leftover in [*folder.glob("*.part"), *folder.glob("*.whl"), *folder.glob("*.pip")]:
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


def list_installed_models() -> list[ModelSpec]:
    """Every model that is here, in catalog order, then the others by name."""
    names = {
        manifest.name
        for folder in _list_model_folders()
        if (manifest := read_model_manifest(folder))
    }
    from_catalog = [spec for spec in CATALOG if spec.name in names or _is_checkpoint_here(spec)]
    other_names = sorted(names - {spec.name for spec in CATALOG})
    return [*from_catalog, *(find_model(name) for name in other_names)]


def _list_model_folders() -> list[Path]:
    """The folders in the models folder."""
    try:
        return [path for path in models_dir().iterdir() if path.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _is_checkpoint_here(spec: ModelSpec) -> bool:
    """Whether a model is a checkpoint in the hub's cache, damaged or not."""
    try:
        return bool(spec.repository and not spec.file and cache.locate_checkpoint(spec))
    except DataError:
        return True


def remove_model(spec: ModelSpec) -> None:
    """Delete a model's files; raises InputError if there are none.

    Raises UsageError if the model is the user's own file, BusyError while it is being pulled.
    """
    if spec.is_local or spec.engine == "echo":
        raise UsageError(f"{spec.name} was not pulled", "remove the file itself if you mean it")
    own = model_folder(spec)
    shared = cache.repository_folder(spec) if spec.repository and not spec.file else None
    unfinished = models_dir() / TUNING_FOLDER / spec.name if spec.base else None
    folders = [each for each in (own, shared, unfinished) if each and each.is_dir()]
    if not folders:
        raise InputError(f"{spec.name} is not installed", "see `starcoder models list`")
    with lock_model(spec, wait=False), translate_write_errors(folders[0]):
        if shared in folders:
            cache.delete_snapshots(spec)
        import shutil

        for folder in folders:
            if folder.is_dir():
                shutil.rmtree(folder)


@contextmanager
def lock_model(spec: ModelSpec, wait: bool = True) -> Iterator[None]:
    """Keep other processes from pulling or removing the same model.

    Raises BusyError if it is locked and `wait` is false.
    """
    lock_path = models_dir() / ".locks" / f"{model_folder(spec).name}.lock"
    with ExitStack() as stack:
        try:
            lock_path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(hold_lock(lock_path, None if wait else 0.0))
        except TimeoutError:
            raise BusyError(f"{spec.name} is being pulled", "try again when that is done") from None
        except OSError as error:
            raise CreateError(
                f"cannot create {lock_path.parent}: {error.strerror}", "set STARCODER_MODELS_DIR"
            ) from error
        yield
