"""What every source of model files shares: progress, what arrived, time limits and disk errors."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from starcoder_cli.catalog import size_text
from starcoder_cli.errors import UnavailableError, WriteError

if TYPE_CHECKING:
    from concurrent.futures import Future

REACH = 10.0
"""How many seconds a source may take to answer at all."""

CHUNK = 1 << 20

CHANGED = "it sent other bytes than the model's (sha256 does not match)"

T = TypeVar("T")


class Progress(Protocol):
    """Told how many bytes of how many are here; `total` is 0 where nobody knows."""

    def __call__(self, done: int, total: int) -> None: ...


@dataclass(frozen=True)
class Arrival:
    """A file that came whole as far as its source can tell, and the sha256 it has to have.

    `sha256` is empty where neither the catalog nor the source states one.
    """

    path: Path
    sha256: str
    source: str


def background(call: Callable[[], T]) -> "Future[T]":
    """Run `call` in a thread that does not keep the program from ending."""
    from concurrent.futures import Future
    from threading import Thread

    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # whoever waits for the result gets it
            future.set_exception(error)

    Thread(target=run, daemon=True).start()
    return future


def bounded(call: Callable[[], T], seconds: float = REACH) -> T:
    """The result of `call`, which may hang; UnavailableError when it takes longer than `seconds`.

    A call that hangs is left behind: a name lookup cannot be stopped.
    """
    try:
        return background(call).result(seconds)
    except TimeoutError:
        raise UnavailableError(f"no answer within {seconds:.0f} s") from None


@contextmanager
def saving(path: Path) -> Iterator[None]:
    """Turns errors of the file system into one WriteError that names the file."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise WriteError(
            f"cannot write {path}: {reason}", "free some space or set STARCODER_MODELS_DIR"
        ) from error


def check_room(folder: Path, needed: int) -> None:
    """WriteError where `folder` has no room for so many bytes more."""
    import shutil

    free = shutil.disk_usage(folder).free
    if free < needed:
        raise WriteError(
            f"{folder} has {size_text(free)} free and the download needs {size_text(needed)}",
            "free some space or set STARCODER_MODELS_DIR",
        )


def nothing(done: int, total: int) -> None:
    """Progress that nobody looks at."""


def digest(path: Path, progress: Progress = nothing) -> str:
    """The sha256 of a file's bytes."""
    from hashlib import sha256

    found = sha256()
    total = path.stat().st_size
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            found.update(chunk)
            progress(file.tell(), total)
    return found.hexdigest()
