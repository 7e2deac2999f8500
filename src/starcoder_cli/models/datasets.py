"""Download a data set's file from the hub once, and verify it before giving it its name."""

from pathlib import Path

from starcoder_cli.catalog import ModelSpec
from starcoder_cli.errors import UnavailableError, WriteError
from starcoder_cli.models import hub
from starcoder_cli.models.snapshot import fetch_verified
from starcoder_cli.models.transfer import Progress, call_with_timeout, translate_write_errors
from starcoder_cli.settings import datasets_dir


def dataset_file_path(repository: str, file: str) -> Path:
    """Where a file of a data set is, or would be."""
    return datasets_dir() / repository.replace("/", "--") / file.replace("/", "--")


def fetch_dataset_file(repository: str, file: str, revision: str, progress: Progress) -> Path:
    """The path of a data set's file, downloaded from the hub if it is not here.

    Raises UnavailableError with the reason, RefusedError if a licence must be accepted first,
    WriteError if there is no room.
    """
    path = dataset_file_path(repository, file)
    if path.is_file():
        return path
    hub.silence_hub_library()
    spec = ModelSpec(repository, repository, file, revision=revision, repository_type="dataset")
    try:
        with translate_write_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        fetch_verified(call_with_timeout(lambda: hub.fetch_file_metadata(spec)), path, progress)
    except UnavailableError as error:
        raise UnavailableError(
            f"cannot get the data set {repository} from {hub.hub_host()}: {error.message}",
            "name a file that you have with --data",
        ) from error
    except WriteError as error:
        raise WriteError(error.message, "free some space") from error
    return path
