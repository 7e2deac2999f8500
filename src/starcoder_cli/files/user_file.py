"""A user's file at a fixed place: a configuration, or a script that a shell looks for."""

import os
from pathlib import Path

from starcoder_cli.errors import CreateError, StarcoderError
from starcoder_cli.files.save import ELSEWHERE_HINT, SaveTarget


def save_user_file(path: Path, before: bytes | None, data: bytes, elsewhere: str) -> None:
    """Replace the file's previous bytes, or create it if `before` is None.

    It is replaced whole or not at all, keeps its permissions, and links are followed. Folders are
    created. Raises what `SaveTarget` raises; if only another place would help, `elsewhere` is the
    hint.
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
