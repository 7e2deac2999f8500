"""Bytes from a file or from standard input, never more than there may be, and never a long wait."""

import os
import stat
import sys

from starcoder_cli.errors import DataError, InputError, UsageError, WriteError

STANDARD_INPUT = "-"


def read_bytes(path: str, most: int) -> bytes:
    """The bytes of a file, or of standard input for `-`; DataError for more than there may be."""
    return read_standard_input(most) if path == STANDARD_INPUT else read_file(path, most)


def read_file(path: str, most: int) -> bytes:
    """The bytes of a regular file, or of a pipe that the shell has opened for us."""
    try:
        status = os.stat(path)  # noqa: PTH116
        if stat.S_ISDIR(status.st_mode):
            raise InputError(f"{path} is a folder", "name a file in it")
        if not stat.S_ISREG(status.st_mode) and not (
            stat.S_ISFIFO(status.st_mode) and path.startswith(("/dev/", "/proc/"))
        ):
            raise InputError(f"{path} is not a regular file", "use - to read standard input")
        with open(path, "rb") as file:  # noqa: PTH123 - a path may be any bytes, even not a Path
            return bounded(file.read(most + 1), path, most)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot read {path}: {reason}", "check the name") from error


def read_standard_input(most: int) -> bytes:
    """The bytes of standard input, up to its end; never waits at a terminal."""
    if sys.stdin is None or sys.stdin.closed:
        raise InputError("standard input is closed", "name a file, or pipe text in")
    if sys.stdin.isatty():
        raise UsageError("no input", "name a file, or pipe text in")
    pieces, descriptor = bytearray(), sys.stdin.fileno()
    try:
        while len(pieces) <= most and (data := os.read(descriptor, 65536)):
            pieces += data
    except OSError as error:
        raise WriteError(f"cannot read standard input: {error.strerror}", "try again") from error
    return bounded(bytes(pieces), "standard input", most)


def bounded(data: bytes, name: str, most: int) -> bytes:
    """The data, unless it is larger than it may be."""
    if len(data) > most:
        raise DataError(f"{name} is larger than {most >> 20} MiB", "give the part that matters")
    return data
