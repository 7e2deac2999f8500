"""What a GGUF file was prepared in for OpenVINO, if it was, and how fast both engines are with it.

It lies in a folder beside the file: eight-bit weights, the tokenizer, and a manifest that says from
which file and by which versions it was made, and holds what a damaged folder would betray itself
by. So it is used without being read through first.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from starcoder_cli.engines.decoding.tokenizer import version
from starcoder_cli.errors import DataError
from starcoder_cli.loading import Pace
from starcoder_cli.models import store

FOLDER = "openvino"
PACKAGES = "openvino", "openvino-genai", "xllamacpp"
FORM = "5"
"""Which form of the weights this program prepares: another one is made anew."""


@dataclass(frozen=True)
class Prepared:
    """A prepared model: the sha256 of its GGUF file, the versions of the packages that made it, the
    bytes of each of its files, and the pace of each engine.
    """

    folder: Path
    sha256: str
    versions: Mapping[str, str]
    files: Mapping[str, int]
    paces: Mapping[str, Pace]


def find(path: Path) -> Prepared | None:
    """What a pulled GGUF file was prepared in, for these bytes of it and with these versions.

    None where there is nothing, or nothing that is whole.
    """
    found = read(path.parent / FOLDER)
    manifest = store.read_manifest(path.parent) if found else None
    if not found or not manifest or found.sha256 != manifest.sha256:
        return None
    current = found.versions == versions() and found.files == sizes(found.folder)
    return found if current else None


def outdated(path: Path) -> bool:
    """Whether a GGUF file was prepared in a form that this program no longer uses."""
    found = read(path.parent / FOLDER)
    return found is not None and found.versions.get("form") != FORM


def read(folder: Path) -> Prepared | None:
    """What the manifest in a folder says; None where there is none, or none that makes sense."""
    try:
        values = json.loads((folder / store.MANIFEST).read_bytes())
        paces = {str(name): Pace(**pace) for name, pace in values["paces"].items()}
        versions, files = dict(values["versions"]), dict(values["files"])
        return Prepared(folder, str(values["sha256"]), versions, files, paces)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write(prepared: Prepared) -> None:
    """Write the manifest into the folder."""
    values = {name: value for name, value in asdict(prepared).items() if name != "folder"}
    text = json.dumps(values, indent=1) + "\n"
    (prepared.folder / store.MANIFEST).write_text(text, encoding="utf-8")


def versions() -> Mapping[str, str]:
    """The versions of the packages that all of this depends on, and of the form itself."""
    return {"form": FORM, **{package: version(package) for package in PACKAGES}}


def sizes(folder: Path) -> Mapping[str, int]:
    """The bytes of each file in a folder but the manifest."""
    files = (path for path in folder.iterdir() if path.name != store.MANIFEST)
    return {path.name: path.stat().st_size for path in files}


FILE = "traits.json"


@dataclass(frozen=True)
class Traits:
    """The ids that end an answer, and how many rows its steps have on this machine."""

    ends: tuple[int, ...] = ()
    rows: int = 1

    @classmethod
    def read(cls, folder: Path) -> "Traits":
        """Those of a prepared folder; DataError where they are damaged."""
        try:
            values = json.loads((folder / FILE).read_bytes())
            return cls(tuple(map(int, values["ends"])), int(values["rows"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{folder / FILE} cannot be read: {error}", "use --engine llamacpp"
            ) from error

    def write(self, folder: Path) -> None:
        """Keep them in a prepared folder."""
        (folder / FILE).write_text(json.dumps(asdict(self)) + "\n", encoding="utf-8")
