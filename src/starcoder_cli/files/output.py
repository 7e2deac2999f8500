"""The target of `--output` and similar options: a file to save, or a stream to write to.

A name such as `/dev/stdout` leads to a descriptor, which may be an open file. The stream is written
at its current position: saving a file under that name would replace all its contents.
"""

import os
import re
import stat
from dataclasses import dataclass
from typing import TypeAlias

from starcoder_cli.errors import CreateError, WriteError
from starcoder_cli.files.save import ELSEWHERE_HINT, SaveTarget
from starcoder_cli.system.descriptors import write_all

DESCRIPTOR_PATH = re.compile(r"(?:/dev/fd|/proc/(\d+)(?:/task/\d+)?/fd)/(\d{1,9})", re.ASCII)
MAX_LINKS = 40


@dataclass(frozen=True)
class StreamTarget:
    """An open descriptor, pipe or device, and its name."""

    path: str
    descriptor: int

    def save(self, data: bytes) -> None:
        """Append the bytes to those already written.

        Raises WriteError on failure, except for a closed pipe.
        """
        try:
            write_all(self.descriptor, data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise WriteError(
                f"cannot write {self.path}: {error.strerror}", ELSEWHERE_HINT
            ) from error


OutputTarget: TypeAlias = SaveTarget | StreamTarget


def open_output(path: str) -> OutputTarget:
    """Open a path as an output that can be written.

    Opening a pipe waits until somebody reads it. Raises CreateError, or what
    `SaveTarget.for_output` raises.
    """
    return open_stream(path) or SaveTarget.for_output(path)


def open_stream(path: str) -> StreamTarget | None:
    """Open the descriptor, pipe or device at a path; None if it is anything else."""
    match = find_descriptor(path)
    try:
        if match and match[1] in (None, str(os.getpid())):
            number = int(match[2])
        elif match or is_pipe_or_device(path):
            number = os.open(path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_NOCTTY", 0))
        else:
            return None
        os.write(number, b"")  # fails if it is closed or read-only
    except OSError as error:
        raise CreateError(f"cannot write {path}: {error.strerror}", ELSEWHERE_HINT) from error
    return StreamTarget(path, number)


def find_descriptor(path: str) -> "re.Match[str] | None":
    """Match the process, if given, and the number of the descriptor that a path leads to.

    Links are followed up to the descriptor, but not to the file it refers to.
    """
    for _ in range(MAX_LINKS):
        try:
            folder, name = os.path.split(path)
            path = os.path.join(os.path.realpath(folder), name)  # noqa: PTH118
            if match := DESCRIPTOR_PATH.fullmatch(path):
                return match
            path = os.path.join(os.path.dirname(path), os.readlink(path))  # noqa: PTH115, PTH118, PTH120
        except (OSError, ValueError):
            break
    return None


def is_pipe_or_device(path: str) -> bool:
    """Whether a path names something without stored bytes: a pipe, a terminal, `/dev/null`."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - a path may be any bytes
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)
