"""What a model was prepared in for OpenVINO, if it was.

It lies in a folder of its own in that of the model: weights in few bits, and a manifest that says
from which files and by which versions it was made, and holds what a damaged folder would betray
itself by. So it is used without being read through first. A GGUF file's has the tokenizer as well.
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
"""Which form of the weights this program prepares: another one is made anew."""


@dataclass(frozen=True)
class Prepared:
    """A prepared model: the sha256 of its GGUF file or what tells a checkpoint's files from others,
    the versions of the packages that made it, and the bytes of each of its files.

    `bits` are those of a checkpoint's matrices.
    """

    folder: Path
    sha256: str
    versions: Mapping[str, str]
    files: Mapping[str, int]
    bits: int = 8


def find_prepared(path: Path) -> Prepared | None:
    """What a pulled GGUF file was prepared in, for these bytes of it and with these versions.

    None where there is nothing, or nothing that is whole.
    """
    manifest = store.read_model_manifest(path.parent)
    return _find_current(path.parent, manifest.sha256) if manifest else None


def find_prepared_checkpoint(spec: ModelSpec, checkpoint: Checkpoint) -> Prepared | None:
    """What a pulled checkpoint was prepared in, as `find_prepared` does for a file."""
    if spec.is_local:
        return None
    return _find_current(store.model_folder(spec), checkpoint_digest(checkpoint))


def checkpoint_digest(checkpoint: Checkpoint) -> str:
    """What tells the files of a checkpoint from others: names, sizes and times of change."""
    files = (*checkpoint.files, checkpoint.folder / "config.json")
    states = [(path.name, (state := path.stat()).st_size, state.st_mtime_ns) for path in files]
    return sha256(repr(sorted(states)).encode()).hexdigest()


def _find_current(folder: Path, source: str) -> Prepared | None:
    """What is prepared in a model's folder, whole, of this source and by these versions."""
    prepared = read_prepared(folder / PREPARED_FOLDER)
    if not prepared or prepared.sha256 != source or prepared.versions != current_versions():
        return None
    return prepared if prepared.files == file_sizes(prepared.folder) else None


def is_outdated(path: Path) -> bool:
    """Whether a GGUF file was prepared in a form that this program no longer uses."""
    prepared = read_prepared(path.parent / PREPARED_FOLDER)
    return prepared is not None and prepared.versions.get("form") != FORMAT_VERSION


UNFIT_FILE = f"{PREPARED_FOLDER}.unfit"


def mark_unfit(path: Path) -> None:
    """Remember that a GGUF file cannot be prepared, as it is and by these versions."""
    with suppress(OSError):
        (path.parent / UNFIT_FILE).write_text(source_state(path), encoding="utf-8")


def is_unfit(path: Path) -> bool:
    """Whether that is so."""
    with suppress(OSError, UnicodeDecodeError):
        return (path.parent / UNFIT_FILE).read_text(encoding="utf-8") == source_state(path)
    return False


def source_state(path: Path) -> str:
    """What preparing a GGUF file depends on."""
    manifest = store.read_model_manifest(path.parent)
    return json.dumps([manifest and manifest.sha256, current_versions()]) + "\n"


def read_prepared(folder: Path) -> Prepared | None:
    """What the manifest in a folder says; None where there is none, or none that makes sense."""
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
    """The versions of the packages that all of this depends on, and of the form itself."""
    return {
        "form": FORMAT_VERSION,
        **{package: package_version(package) for package in VERSIONED_PACKAGES},
    }


def file_sizes(folder: Path) -> Mapping[str, int]:
    """The bytes of each file in a folder but the manifest."""
    files = (path for path in folder.iterdir() if path.name != store.MODEL_MANIFEST_NAME)
    return {path.name: path.stat().st_size for path in files}


METADATA_FILE = "traits.json"


@dataclass(frozen=True)
class StepRows:
    """How many rows a step that writes has: the least, and the most, with a draft.

    Numbers of a row are the same in all steps between.
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
        """Those of a prepared folder; DataError where they are damaged."""
        try:
            values = json.loads((folder / METADATA_FILE).read_bytes())
            rows = StepRows(int(values["rows"]["least"]), int(values["rows"]["most"]))
            return cls(tuple(map(int, values["ends"])), rows)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{folder / METADATA_FILE} cannot be read: {error}", "use --engine llamacpp"
            ) from error

    def write(self, folder: Path) -> None:
        """Keep them in a prepared folder."""
        (folder / METADATA_FILE).write_text(json.dumps(asdict(self)) + "\n", encoding="utf-8")
