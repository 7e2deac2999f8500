"""The folder of model files: one folder a model, with the file and a manifest.

The manifest is written after the file was verified, and holds what a changed file would betray
itself by: its size and modification time. So a file is hashed once, not on every start.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from starcoder_cli.catalog import CATALOG, ModelSpec, find
from starcoder_cli.errors import BusyError, CreateError, DataError, InputError, UsageError
from starcoder_cli.models import cache
from starcoder_cli.models.transfer import Arrival, saving
from starcoder_cli.settings import models_dir

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """What a model file was when it was verified."""

    name: str
    sha256: str
    size: int
    mtime_ns: int
    source: str


def folder(spec: ModelSpec) -> Path:
    """The folder of a model's file; hub ids never hold `--`, so two models never share one."""
    return models_dir() / spec.name.replace("/", "--")


def file_path(spec: ModelSpec) -> Path:
    """Where a model's file is, or would be."""
    return Path(spec.file) if spec.local else folder(spec) / Path(spec.file).name


def locate(spec: ModelSpec) -> Path | None:
    """The verified file, or checkpoint folder, of a model; None where it is not here.

    Raises DataError for a file that changed since it was verified, of a checkpoint too.
    """
    if spec.engine == "echo":
        return None
    if spec.local:
        return file_path(spec) if file_path(spec).exists() else None
    if not spec.file:
        return cache.locate(spec)
    manifest = read_manifest(folder(spec))
    if manifest is None or (spec.sha256 and manifest.sha256 != spec.sha256):
        return None
    return _unchanged(spec, manifest)


def _unchanged(spec: ModelSpec, manifest: Manifest) -> Path | None:
    """The file that the manifest describes; None where it is gone."""
    path = file_path(spec)
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    if (status.st_size, status.st_mtime_ns) != (manifest.size, manifest.mtime_ns):
        raise DataError(
            f"{path} is not the file that was verified",
            f"repair it with: starcoder models pull {spec.name}",
        )
    return path


def read_manifest(place: Path) -> Manifest | None:
    """The manifest in a model's folder; None where there is none, or none that makes sense."""
    try:
        values = json.loads((place / MANIFEST).read_bytes())
        return Manifest(
            name=str(values["name"]),
            sha256=str(values["sha256"]),
            size=int(values["size"]),
            mtime_ns=int(values["mtime_ns"]),
            source=str(values["source"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep(spec: ModelSpec, arrival: Arrival) -> Path:
    """Give a verified file its final name, then write the manifest, then sweep what is left over.

    The order matters: killed in between, the file is verified again, never used unverified.
    """
    path = file_path(spec)
    with saving(path):
        if arrival.path != path:
            (path.parent / MANIFEST).unlink(missing_ok=True)
            arrival.path.replace(path)
        status = path.stat()
        manifest = Manifest(
            spec.name, arrival.sha256, status.st_size, status.st_mtime_ns, arrival.source
        )
        draft = path.parent / f".{MANIFEST}"
        draft.write_text(json.dumps(asdict(manifest), indent=1) + "\n", encoding="utf-8")
        draft.replace(path.parent / MANIFEST)
        sweep(path.parent)
    return path


def sweep(place: Path) -> None:
    """Remove everything unfinished from a model's folder."""
    import shutil

    for path in [*place.glob("*.part"), *place.glob("*.whl"), *place.glob("*.pip")]:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def installed() -> list[ModelSpec]:
    """Every model that is here, in the order of the catalog, then the others by name."""
    names = {manifest.name for place in _folders() if (manifest := read_manifest(place))}
    listed = [spec for spec in CATALOG if spec.name in names or _is_checkpoint_here(spec)]
    others = sorted(names - {spec.name for spec in CATALOG})
    return [*listed, *(find(name) for name in others)]


def _folders() -> list[Path]:
    """The folders in the folder of models."""
    try:
        return [path for path in models_dir().iterdir() if path.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _is_checkpoint_here(spec: ModelSpec) -> bool:
    """Whether a row is a checkpoint in the hub's cache, damaged or not."""
    try:
        return bool(spec.repository and not spec.file and cache.locate(spec))
    except DataError:
        return True


def remove(spec: ModelSpec) -> None:
    """Delete a model's files; InputError where there are none.

    Raises UsageError for a model that is the user's own file, BusyError while it is being pulled.
    """
    if spec.local or spec.engine == "echo":
        raise UsageError(f"{spec.name} was not pulled", "remove the file itself if you mean it")
    place = folder(spec) if spec.file else cache.repository(spec)
    if not place.is_dir():
        raise InputError(f"{spec.name} is not here", "see `starcoder models list`")
    with lock(spec, wait=False), saving(place):
        if not spec.file:
            cache.free(spec)
        import shutil

        if place.is_dir():
            shutil.rmtree(place)


@contextmanager
def lock(spec: ModelSpec, wait: bool = True) -> Iterator[None]:
    """Keeps other processes from pulling or removing the same model.

    Raises BusyError where it is taken and `wait` is false.
    """
    from filelock import FileLock, Timeout

    path = models_dir() / ".locks" / f"{folder(spec).name}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        held = FileLock(path).acquire(timeout=-1 if wait else 0)
    except Timeout:
        raise BusyError(f"{spec.name} is being pulled", "try again when that is done") from None
    except OSError as error:
        raise CreateError(
            f"cannot create {path.parent}: {error.strerror}", "set STARCODER_MODELS_DIR"
        ) from error
    with held:
        yield
