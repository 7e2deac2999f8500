"""Variables that native libraries read from the environment, and read once."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def preset(name: str, value: str, *others: str) -> Iterator[None]:
    """Set a variable while the body runs, unless the user has set it, or one of `others`."""
    if {name, *others}.intersection(os.environ):
        yield
        return
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
