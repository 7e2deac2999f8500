"""How threads of an engine wait for each other."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

SPINNING = frozenset({"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"})  # what a user may have set instead


@contextmanager
def soon_asleep() -> Iterator[None]:
    """Have threads that wait for each other sleep after a moment, in an OpenMP loaded in the body.

    GNU's lets them spin, hundreds of times for each token (libgomp's GOMP_SPINCOUNT). Where another
    program takes a core, they spin while the one that they wait for does not run: on two cores 0.7
    tokens a second were left of 65 so, and 27 with this, which costs nothing on idle ones.
    """
    if SPINNING.intersection(os.environ):
        yield
        return
    os.environ["GOMP_SPINCOUNT"] = "1000"
    try:
        yield
    finally:
        del os.environ["GOMP_SPINCOUNT"]
