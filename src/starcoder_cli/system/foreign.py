"""Errors of libraries that promise nothing narrower than `Exception`."""

from collections.abc import Iterator
from contextlib import contextmanager

from starcoder_cli.errors import StarcoderError

PANIC_MODULE = "pyo3_runtime"  # of what a library in Rust raises when it panics


class ForeignError(Exception):
    """An error of a library, `cause`, of any class."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


@contextmanager
def foreign_errors() -> Iterator[None]:
    """Raise ForeignError for whatever the body raises that is not an error of ours.

    The body must only call the library, since a bug of ours would look like one of the library's.
    """
    try:
        yield
    except StarcoderError:
        raise
    except BaseException as error:  # Rust, Triton and broken packages raise anything
        if isinstance(error, Exception):
            raise ForeignError(error) from error
        if type(error).__module__ == PANIC_MODULE:
            raise ForeignError(RuntimeError(str(error))) from error
        raise
