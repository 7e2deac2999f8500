"""A tiny GGUF model that was pulled, and prepared for OpenVINO."""

from hashlib import sha256
from pathlib import Path

from ggufs import tiny
from starcoder_cli.catalog import find_model
from starcoder_cli.models import store
from starcoder_cli.models.transfer import DownloadedFile

SPEC = find_model("owner/name/tiny.gguf")


def pulled() -> Path:
    """The file of the tiny model, in the folder of models, as if it had been pulled."""
    part = store.model_folder(SPEC) / "arrived.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(tiny())
    return store.save_model_file(
        SPEC, DownloadedFile(part, sha256(part.read_bytes()).hexdigest(), "here")
    )
