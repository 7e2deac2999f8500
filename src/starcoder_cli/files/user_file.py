"""A file of the user's whose place is fixed: a configuration, a script that a shell looks for."""

import os
from pathlib import Path

from starcoder_cli.errors import CreateError, StarcoderError
from starcoder_cli.files.save import ELSEWHERE_HINT, SaveTarget


def save_user_file(path: Path, before: bytes | None, data: bytes, elsewhere: str) -> None:
    """Put these bytes in the place of those that the file had before; None: there was no file.

    It is replaced whole or not at all, keeps its permissions, and is written behind a link. Folders
    are made. Raises what `SaveTarget` raises; where only another place would help, `elsewhere` is
    the way out.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CreateError(
            f"cannot make the folder {path.parent}: {error.strerror}", elsewhere
        ) from error
    try:
        if before is None:
            target = SaveTarget.for_output(os.fspath(path))
        else:
            target = SaveTarget.for_edit(os.fspath(path), before)
        target.save(data)
    except StarcoderError as error:
        if error.hint == ELSEWHERE_HINT:
            error.hint = elsewhere
        raise
