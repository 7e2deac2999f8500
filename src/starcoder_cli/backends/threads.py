"""How threads of an engine wait for each other."""

from contextlib import AbstractContextManager

from starcoder_cli.backends.environment import preset

SPINS, POLICY = "GOMP_SPINCOUNT", "OMP_WAIT_POLICY"


def soon_asleep() -> AbstractContextManager[None]:
    """Have threads that wait for each other sleep after a moment, in an OpenMP loaded in the body.

    GNU's lets them spin, hundreds of times for each token (libgomp's GOMP_SPINCOUNT). Where another
    program takes a core, they spin while the one that they wait for does not run: on two cores 0.7
    tokens a second were left of 65 so, and 27 with this, which costs nothing on idle ones.
    """
    return preset(SPINS, "1000", POLICY)
