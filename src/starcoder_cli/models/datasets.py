"""A file of a data set from the hub: fetched once, and verified before it has its name."""

from pathlib import Path

from starcoder_cli.catalog import ModelSpec
from starcoder_cli.errors import UnavailableError, WriteError
from starcoder_cli.models import hub
from starcoder_cli.models.snapshot import bring
from starcoder_cli.models.transfer import Progress, bounded, saving
from starcoder_cli.settings import data_sets_dir


def place(repository: str, file: str) -> Path:
    """Where a file of a data set is, or would be."""
    return data_sets_dir() / repository.replace("/", "--") / file.replace("/", "--")


def fetch(repository: str, file: str, revision: str, progress: Progress) -> Path:
    """The file, from the hub where it is not here.

    Raises UnavailableError with the reason, RefusedError where a licence has to be accepted,
    WriteError where there is no room.
    """
    path = place(repository, file)
    if path.is_file():
        return path
    hub.quiet()
    spec = ModelSpec(repository, repository, file, revision=revision, kind="dataset")
    try:
        with saving(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        bring(bounded(lambda: hub.look(spec)), path, progress)
    except UnavailableError as error:
        raise UnavailableError(
            f"cannot get the data set {repository} from {hub.host()}: {error.message}",
            "name a file that you have with --data",
        ) from error
    except WriteError as error:
        raise WriteError(error.message, "free some space") from error
    return path
