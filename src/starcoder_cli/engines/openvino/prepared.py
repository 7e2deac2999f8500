"""The form in which a model was prepared for OpenVINO, if it was.

It lies in a subfolder of the model's folder: weights in few bits, and a manifest that says from
which files and by which versions it was made, and holds enough to detect a damaged folder. So it
can be used without reading it all first. That of a GGUF file has the tokenizer as well.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from starcoder_cli.catalog import ModelSpec
from starcoder_cli.engines.decoding.tokenizer import package_version
from starcoder_cli.errors import DataError
from starcoder_cli.models import store
from starcoder_cli.weights.checkpoint import Checkpoint

PREPARED_FOLDER = "openvino"
VERSIONED_PACKAGES = "openvino", "xllamacpp"
FORMAT_VERSION = "7"
"""The format of weights that this program prepares; any other is prepared again."""


@dataclass(frozen=True)
class Prepared:
    """A prepared model: the sha256 of its GGUF file or the digest of its checkpoint's files, the
    versions of the packages that made it, and the size of each of its files.

    `bits` is the number of bits of a checkpoint's matrices.
    """

    folder: Path
    sha256: str
    versions: Mapping[str, str]
    files: Mapping[str, int]
    bits: int = 8


def find_prepared(path: Path) -> Prepared | None:
    """The prepared form of a pulled GGUF file, made from these bytes by the current versions.

    None if there is none, or it is incomplete.
    """
    manifest = store.read_model_manifest(path.parent)
    return _find_current(path.parent, manifest.sha256) if manifest else None


def find_prepared_checkpoint(spec: ModelSpec, checkpoint: Checkpoint) -> Prepared | None:
    """The prepared form of a pulled checkpoint, found like that of a file by `find_prepared`."""
    if spec.is_local:
        return None
    return _find_current(store.model_folder(spec), checkpoint_digest(checkpoint))


def checkpoint_digest(checkpoint: Checkpoint) -> str:
    """A digest that identifies a checkpoint's files: names, sizes and modification times."""
    files = (*checkpoint.files, checkpoint.folder / "config.json")
    states = [(path.name, (state := path.stat()).st_size, state.st_mtime_ns) for path in files]
    return sha256(repr(sorted(states)).encode()).hexdigest()


def _find_current(folder: Path, source: str) -> Prepared | None:
    """The complete prepared form in a model's folder, of this source and by these versions."""
    prepared = read_prepared(folder / PREPARED_FOLDER)
    if not prepared or prepared.sha256 != source or prepared.versions != current_versions():
        return None
    return prepared if prepared.files == file_sizes(prepared.folder) else None


def is_outdated(path: Path) -> bool:
    """Whether a GGUF file was prepared in a format that this program no longer uses."""
    prepared = read_prepared(path.parent / PREPARED_FOLDER)
    return prepared is not None and prepared.versions.get("form") != FORMAT_VERSION


UNFIT_FILE = f"{PREPARED_FOLDER}.unfit"


def mark_unfit(path: Path) -> None:
    """Record that a GGUF file, as it is, cannot be prepared by these versions."""
    with suppress(OSError):
        (path.parent / UNFIT_FILE).write_text(source_state(path), encoding="utf-8")


def is_unfit(path: Path) -> bool:
    """Whether a GGUF file was marked unfit in its present state."""
    with suppress(OSError, UnicodeDecodeError):
        return (path.parent / UNFIT_FILE).read_text(encoding="utf-8") == source_state(path)
    return False


def source_state(path: Path) -> str:
    """A text that identifies everything that preparing a GGUF file depends on."""
    manifest = store.read_model_manifest(path.parent)
    return json.dumps([manifest and manifest.sha256, current_versions()]) + "\n"


def read_prepared(folder: Path) -> Prepared | None:
    """Read the manifest in a folder; None if it is missing or makes no sense."""
    try:
        values = json.loads((folder / store.MODEL_MANIFEST_NAME).read_bytes())
        versions, files = dict(values["versions"]), dict(values["files"])
        return Prepared(folder, str(values["sha256"]), versions, files, values.get("bits", 8))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write_prepared(prepared: Prepared) -> None:
    """Write the manifest into the folder."""
    values = {name: value for name, value in asdict(prepared).items() if name != "folder"}
    text = json.dumps(values, indent=1) + "\n"
    (prepared.folder / store.MODEL_MANIFEST_NAME).write_text(text, encoding="utf-8")


def current_versions() -> Mapping[str, str]:
    """The versions of the packages that all of this depends on, and of the format itself."""
    return {
        "form": FORMAT_VERSION,
        **{package: package_version(package) for package in VERSIONED_PACKAGES},
    }


def file_sizes(folder: Path) -> Mapping[str, int]:
    """The size of each file in a folder except the manifest."""
    files = (path for path in folder.iterdir() if path.name != store.MODEL_MANIFEST_NAME)
    return {path.name: path.stat().st_size for path in files}


METADATA_FILE = "traits.json"


@dataclass(frozen=True)
class StepRows:
    """How many rows a decoding step has: at least, and at most, with a draft.

    A row's numbers are the same for every number of rows in this range.
    """

    least: int = 1
    most: int = 1


@dataclass(frozen=True)
class PreparedMetadata:
    """The ids that end an answer, and how many rows its steps have on this machine."""

    ends: tuple[int, ...] = ()
    rows: StepRows = StepRows()

    @classmethod
    def read(cls, folder: Path) -> "PreparedMetadata":
        """Read the metadata of a prepared folder; raises DataError if it is damaged."""
        try:
            values = json.loads((folder / METADATA_FILE).read_bytes())
            rows = StepRows(int(values["rows"]["least"]), int(values["rows"]["most"]))
            return cls(tuple(map(int, values["ends"])), rows)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{folder / METADATA_FILE} cannot be read: {error}", "use --engine llamacpp"
            ) from error

    def write(self, folder: Path) -> None:
        """Write the metadata into a prepared folder."""
        (folder / METADATA_FILE).write_text(json.dumps(asdict(self)) + "\n", encoding="utf-8")
