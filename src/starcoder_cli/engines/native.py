"""How an engine's threads wait for each other."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

SPIN_COUNT_VARIABLE, WAIT_POLICY_VARIABLE = "GOMP_SPINCOUNT", "OMP_WAIT_POLICY"


def limit_spinning() -> AbstractContextManager[None]:
    """Make threads that wait for each other sleep after a moment, in an OpenMP loaded in the body.

    GNU's lets them spin, hundreds of times for each token (libgomp's GOMP_SPINCOUNT). If another
    program takes a core, they spin while the thread they wait for is not running: on two cores,
    65 tokens a second fell to 0.7 that way, and to 27 with this, which costs nothing on idle ones.
    """
    return set_default_variable(SPIN_COUNT_VARIABLE, "1000", WAIT_POLICY_VARIABLE)


@contextmanager
def set_default_variable(name: str, value: str, *others: str) -> Iterator[None]:
    """Set a variable while the body runs, unless the user has set it or one of `others`."""
    if {name, *others}.intersection(os.environ):
        yield
        return
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
