"""From here on this process, and what it starts, can do no more than a program needs."""

import math
import os
import resource
import signal
from typing import TypedDict

from starcoder_cli.sandbox.inside.identity import become, tasks_of
from starcoder_cli.sandbox.inside.kernel import (
    NO_NEW_PRIVILEGES,
    PARENT_DEATH_SIGNAL,
    prctl,
)
from starcoder_cli.sandbox.inside.landlock import SCOPES_SINCE, allow_only, version
from starcoder_cli.sandbox.inside.seccomp import deny

MOST_FILES = 256


class Confinement(TypedDict):
    """What is allowed: the limits, the paths, and which groups of system calls are not.

    `memory` is the address space of a process, or, where `reserves` is true for runtimes that
    reserve far more than they use, its data. `user` is who root becomes. `shared` is true where
    processes are counted together with all others of the user, `landlock` where nothing else
    guards the files.
    """

    seconds: float
    memory: int
    reserves: bool
    processes: int
    user: int | None
    shared: bool
    disk: int
    readable: list[str]
    writable: list[str]
    denied: list[str]
    landlock: bool


def confine(allowed: Confinement) -> None:
    """Give up everything else for good, and end with the parent; OSError where the kernel cannot.

    Without the scopes of Landlock's sixth version, signals are denied by number.
    """
    prctl(NO_NEW_PRIVILEGES, 1)
    limit(allowed)
    become(allowed["user"])
    prctl(PARENT_DEATH_SIGNAL, signal.SIGKILL)  # another user has to ask for it anew
    denied = set(allowed["denied"])
    if allowed["landlock"] and version() < SCOPES_SINCE:
        denied.add("signals")
    if allowed["landlock"] or version():
        allow_only(allowed["readable"], allowed["writable"])
    deny(frozenset(denied))


def limit(allowed: Confinement) -> None:
    """Set the limits of the process, which its children have too."""
    memory = resource.RLIMIT_DATA if allowed["reserves"] else resource.RLIMIT_AS
    limits = {
        memory: allowed["memory"],
        resource.RLIMIT_CPU: math.ceil(allowed["seconds"]) + 1,
        resource.RLIMIT_FSIZE: allowed["disk"],
        resource.RLIMIT_NOFILE: MOST_FILES,
        resource.RLIMIT_CORE: 0,
    }
    if "processes" not in allowed["denied"]:
        others = tasks_of(os.getuid()) + allowed["processes"] if allowed["shared"] else 0
        limits[resource.RLIMIT_NPROC] = allowed["processes"] + others
    for kind, most in limits.items():
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))
    os.umask(0o077)
