"""A tiny model that looks prepared for OpenVINO: a manifest that holds, and no weights."""

from pathlib import Path

from starcoder_cli.engines.openvino.prepared import (
    PREPARED_FOLDER,
    Prepared,
    current_versions,
    file_sizes,
    write_prepared,
)
from starcoder_cli.models import store


def lay_form(path: Path) -> Prepared:
    """What a pulled file looks prepared in, with the versions that are here."""
    folder = path.parent / PREPARED_FOLDER
    folder.mkdir()
    (folder / "model.bin").write_bytes(b"12345")
    manifest = store.read_model_manifest(path.parent)
    assert manifest
    prepared = Prepared(folder, manifest.sha256, current_versions(), file_sizes(folder))
    write_prepared(prepared)
    return prepared
