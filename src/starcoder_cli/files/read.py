"""Read bytes from a file or standard input, up to a limit, without long waits."""

import os
import re
import stat
import sys

from starcoder_cli.errors import DataError, InputError, UsageError, WriteError
from starcoder_cli.system.descriptors import read_some

STANDARD_INPUT = "-"
PLACE_SEPARATORS = re.compile("[:#(]")
PLACE_HINT = "a place is FILE:LINE, FILE:LINE:COL or FILE:LINE-LINE"


def read_bytes(path: str, max_bytes: int) -> bytes:
    """Read a file, or standard input for `-`; raises DataError if it exceeds the limit."""
    return read_standard_input(max_bytes) if path == STANDARD_INPUT else read_file(path, max_bytes)


def read_file(path: str, max_bytes: int) -> bytes:
    """Read a regular file, or a pipe that the shell has opened for us."""
    try:
        status = os.stat(path)  # noqa: PTH116
        if stat.S_ISDIR(status.st_mode):
            raise InputError(f"{path} is a folder", "name a file in it")
        if not stat.S_ISREG(status.st_mode) and not (
            stat.S_ISFIFO(status.st_mode) and path.startswith(("/dev/", "/proc/"))
        ):
            raise InputError(f"{path} is not a regular file", "use - to read standard input")
        with open(path, "rb") as file:  # noqa: PTH123 - a path may be any bytes, even not a Path
            return require_max_bytes(file.read(max_bytes + 1), path, max_bytes)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        hint = PLACE_HINT if PLACE_SEPARATORS.search(path) else "check the name"
        raise InputError(f"cannot read {path}: {reason}", hint) from error


def read_standard_input(max_bytes: int) -> bytes:
    """Read standard input to its end; never waits at a terminal."""
    if sys.stdin is None or sys.stdin.closed:
        raise InputError("standard input is closed", "name a file, or pipe text in")
    if sys.stdin.isatty():
        raise UsageError("no input", "name a file, or pipe text in")
    pieces, descriptor = bytearray(), sys.stdin.fileno()
    try:
        while len(pieces) <= max_bytes and (data := read_some(descriptor, 65536)):
            pieces += data
    except OSError as error:
        raise WriteError(f"cannot read standard input: {error.strerror}", "try again") from error
    return require_max_bytes(bytes(pieces), "standard input", max_bytes)


def require_max_bytes(data: bytes, name: str, max_bytes: int) -> bytes:
    """Return the data; raises DataError if it exceeds the limit."""
    if len(data) > max_bytes:
        raise DataError(
            f"{name} is larger than {max_bytes >> 20} MiB", "give the part that matters"
        )
    return data
