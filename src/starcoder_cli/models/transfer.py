"""What all sources of model files share: progress, downloads, time limits and disk errors."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from starcoder_cli.catalog import ModelSpec, format_size
from starcoder_cli.errors import UnavailableError, WriteError

if TYPE_CHECKING:
    from concurrent.futures import Future

RESPONSE_TIMEOUT_SECONDS = 10.0
"""Seconds that a source may take to answer at all."""

DOWNLOAD_CHUNK_BYTES = 1 << 20

METADATA_SUFFIXES = (".json", ".txt", ".model", ".jinja")
MAX_METADATA_BYTES = 64 << 20
"""Far more than any model's configuration or tokenizer needs."""

DISK_RESERVE_BYTES = 1 << 30
"""Bytes to keep free when downloading a file of unknown size."""

DIGEST_MISMATCH = "it sent other bytes than the model's (sha256 does not match)"

T = TypeVar("T")


class Progress(Protocol):
    """Receives the bytes done and the total, which is 0 if unknown."""

    def __call__(self, done: int, total: int) -> None: ...


@dataclass(frozen=True)
class DownloadedFile:
    """A file that is complete as far as its source can tell, and the sha256 it must have.

    `sha256` is empty if neither the catalog nor the source states one.
    """

    path: Path
    sha256: str
    source: str


def run_in_background(call: Callable[[], T]) -> "Future[T]":
    """Run `call` in a thread that does not keep the program from ending."""
    from concurrent.futures import Future
    from threading import Thread

    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # passed on to whoever awaits the result
            future.set_exception(error)

    Thread(target=run, daemon=True).start()
    return future


def call_with_timeout(call: Callable[[], T], seconds: float = RESPONSE_TIMEOUT_SECONDS) -> T:
    """The result of `call`, which may hang; raises UnavailableError if it exceeds `seconds`.

    A hanging call is abandoned: a name lookup cannot be stopped.
    """
    try:
        return run_in_background(call).result(seconds)
    except TimeoutError:
        raise UnavailableError(f"no answer within {seconds:.0f} s") from None


@contextmanager
def translate_write_errors(path: Path) -> Iterator[None]:
    """Turn file system errors into one WriteError that names the file."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise WriteError(
            f"cannot write {path}: {reason}", "free some space or set STARCODER_MODELS_DIR"
        ) from error


def free_bytes(folder: Path) -> int:
    """The free bytes on a folder's disk."""
    import shutil

    return shutil.disk_usage(folder).free


def check_disk_space(folder: Path, needed: int) -> None:
    """Raise WriteError if `folder` has no room for another `needed` bytes."""
    free = free_bytes(folder)
    if free < needed:
        raise WriteError(
            f"{folder} has {format_size(free)} free and the download needs {format_size(needed)}",
            "free some space or set STARCODER_MODELS_DIR",
        )


def room_for_more(folder: Path) -> int:
    """The maximum bytes that a file of unknown size may take in a folder."""
    return max(free_bytes(folder) - DISK_RESERVE_BYTES, 0)


def max_file_bytes(spec: ModelSpec, file: str) -> int:
    """The maximum bytes of a model's file; 0 if only the free disk space limits it."""
    if spec.sha256 and file == spec.file:
        return spec.size
    if spec.repository_type == "model" and file.endswith(METADATA_SUFFIXES):
        return MAX_METADATA_BYTES
    return 2 * spec.size  # the catalog's sizes are rounded, and repositories grow


def too_large_error(file: str, most: int) -> UnavailableError:
    """The error for a file that exceeds its maximum size."""
    return UnavailableError(f"{file} is larger than the {format_size(most)} that it may have")


def ignore_progress(done: int, total: int) -> None:
    """Ignore progress."""


def compute_sha256(path: Path, progress: Progress = ignore_progress) -> str:
    """The sha256 of a file's bytes."""
    from hashlib import sha256

    hasher = sha256()
    total = path.stat().st_size
    with path.open("rb") as file:
        while chunk := file.read(DOWNLOAD_CHUNK_BYTES):
            hasher.update(chunk)
            progress(file.tell(), total)
    return hasher.hexdigest()
