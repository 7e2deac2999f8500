"""What other libraries raise that promise nothing narrower than `Exception`."""

from collections.abc import Iterator
from contextlib import contextmanager

from starcoder_cli.errors import StarcoderError


class ForeignError(Exception):
    """An error of a library, `cause`, whatever class it has."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


@contextmanager
def foreign_errors() -> Iterator[None]:
    """Raise ForeignError for whatever the body raises that is no error of ours.

    Only calls of a library belong into the body, since a bug of ours would look like one of its.
    """
    try:
        yield
    except StarcoderError:
        raise
    except Exception as error:  # Rust, Triton and broken packages raise anything
        raise ForeignError(error) from error
