"""Confines this process, and what it starts, to what a program needs."""

import math
import os
import resource
import signal
from typing import TypedDict

from starcoder_cli.sandbox.inside.identity import count_tasks, switch_user
from starcoder_cli.sandbox.inside.kernel import (
    PR_SET_NO_NEW_PRIVS,
    PR_SET_PDEATHSIG,
    prctl,
)
from starcoder_cli.sandbox.inside.landlock import SCOPES_SINCE, allow_only_paths, landlock_version
from starcoder_cli.sandbox.inside.seccomp import install_filter

MAX_OPEN_FILES = 256


class Confinement(TypedDict):
    """What is allowed: the limits, the paths, and which groups of system calls are denied.

    `memory` limits the address space of a process or, if `reserves` is true for runtimes that
    reserve far more than they use, its data. `user` is who root becomes. `shared` is true if
    processes are counted together with all the user's others, `landlock` if nothing else guards
    the files.
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


def confine(confinement: Confinement, parent: int | None = None) -> None:
    """Give up everything else for good, and end with the parent; OSError if the kernel cannot.

    A process whose `parent` has changed has outlived it, and ends at once.
    Without the scopes of Landlock's sixth version, signals are denied by number.
    """
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    set_resource_limits(confinement)
    switch_user(confinement["user"])
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # another user has to ask for it again
    if parent is not None and os.getppid() != parent:
        os._exit(1)
    denied = set(confinement["denied"])
    if confinement["landlock"] and landlock_version() < SCOPES_SINCE:
        denied.add("signals")
    if confinement["landlock"] or landlock_version():
        allow_only_paths(confinement["readable"], confinement["writable"])
    install_filter(frozenset(denied))


def set_resource_limits(confinement: Confinement) -> None:
    """Set the limits of the process, which its children inherit."""
    memory_limit = resource.RLIMIT_DATA if confinement["reserves"] else resource.RLIMIT_AS
    limits = {
        memory_limit: confinement["memory"],
        resource.RLIMIT_CPU: math.ceil(confinement["seconds"]) + 1,
        resource.RLIMIT_FSIZE: confinement["disk"],
        resource.RLIMIT_NOFILE: MAX_OPEN_FILES,
        resource.RLIMIT_CORE: 0,
    }
    if "processes" not in confinement["denied"]:
        running_tasks = (
            count_tasks(os.getuid()) + confinement["processes"] if confinement["shared"] else 0
        )
        limits[resource.RLIMIT_NPROC] = confinement["processes"] + running_tasks
    for kind, maximum in limits.items():
        hard = resource.getrlimit(kind)[1]
        maximum = maximum if hard == resource.RLIM_INFINITY else min(maximum, hard)
        resource.setrlimit(kind, (maximum, maximum))
    os.umask(0o077)
