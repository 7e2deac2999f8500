"""A user's file at a fixed place: a configuration, or a script that a shell looks for."""

import os
from contextlib import suppress
from pathlib import Path

from starcoder_cli.errors import BusyError, CreateError, StarcoderError
from starcoder_cli.files.save import ELSEWHERE_HINT, SaveTarget, translate_os_errors


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
            create_file(path, data)
        else:
            SaveTarget.for_edit(os.fspath(path), before).save(data)
    except StarcoderError as error:
        if error.hint == ELSEWHERE_HINT:
            error.hint = elsewhere
        raise


def create_file(path: Path, data: bytes) -> None:
    """Create a file; raises BusyError if somebody else has done so meanwhile."""
    target = SaveTarget.for_output(os.fspath(path))
    place = Path(target.folder, target.name)
    with translate_os_errors(target.path, target.changed_error()):
        try:
            place.touch(exist_ok=False)  # before anybody else, whom it shows that it is not theirs
        except FileExistsError as error:
            raise target.changed_error() from error
    try:
        SaveTarget.for_edit(os.fspath(path), b"").save(data)
    except BusyError:  # it is theirs now
        raise
    except BaseException:  # signals and Ctrl-C too: no empty file is left behind
        with suppress(OSError):
            if not place.stat().st_size:
                place.unlink()
        raise
