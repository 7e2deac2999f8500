"""One sandboxed process and all that it starts: begun, given its job, and ended for good."""

import json
import os
import secrets
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from starcoder_cli.sandbox.isolation import DEVICES, Rung, bubblewrap, python, readable
from starcoder_cli.sandbox.trial import Limits
from starcoder_cli.system.processes import children, end
from starcoder_cli.system.signals import deferred

if TYPE_CHECKING:
    from subprocess import Popen

    from starcoder_cli.sandbox.inside.confine import Confinement

# Beyond any user that there is; and, where fewer are mapped, among those that systemd gives away.
FAR_NOBODY, NEAR_NOBODY, NOBODIES = 0x70000000, 61184, 4096
GONE_SECONDS = 5.0
INSIDE = Path(__file__).parent / "inside"
PACKAGE = "starcoder_cli.sandbox.inside"
CONFINING = ("kernel", "identity", "landlock", "seccomp", "confine")
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
LOADER = """
import sys, types
for name, text in {modules!r}:
    module = sys.modules[name] = types.ModuleType(name)
    exec(compile(text, name, "exec"), module.__dict__)
module.main()
"""

Job = Mapping[str, object]


@dataclass(frozen=True)
class Wants:
    """What a sandboxed process needs beyond the system.

    `tools` are folders to read, `folder` is one to write to, with room for `disk` bytes;
    `processes` says whether it starts any, `reserves` that its memory is counted by what it uses,
    `user` is who it becomes where it would be root.
    """

    tools: tuple[str, ...] = ()
    folder: str | None = None
    disk: int = 1 << 20
    processes: bool = False
    reserves: bool = False
    user: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def running(rung: Rung, modules: Sequence[str], job: Job, wants: Wants) -> Iterator["Popen[bytes]"]:
    """A sandboxed process that runs modules of `inside`: the last one's `main`, with a job.

    File descriptors that the job names as `reads` and `writes` are passed on. Its output is a
    pipe, which has to be read. In the end nothing of it is left, however that comes.
    """
    process = None
    try:
        with deferred():
            process = begun(rung, modules, job, wants)
        yield process
    finally:
        if process:
            stop(process, rung, wants)


def begun(rung: Rung, modules: Sequence[str], job: Job, wants: Wants) -> "Popen[bytes]":
    """Start a sandboxed process, and give it its job on standard input."""
    import subprocess

    passed = [number for name in ("reads", "writes") if isinstance(number := job.get(name), int)]
    words, folder = [python(), "-I", "-S", "-X", "utf8", "-c", program(*CONFINING, *modules)], "/"
    if rung is Rung.BUBBLEWRAP:
        words = [*bubblewrap(readable(wants.tools), wants.disk), *words]
    elif wants.folder:
        folder = wants.folder
    process = subprocess.Popen(
        words,
        cwd=folder,
        env={**ENVIRONMENT, **homes(wants.folder or "/"), **wants.environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=passed,
        start_new_session=True,
    )
    assert process.stdin is not None
    with suppress(BrokenPipeError), process.stdin as stdin:  # whoever waits for it will see
        stdin.write(json.dumps(job).encode("ascii"))
    return process


def homes(folder: str) -> Mapping[str, str]:
    """Where programs look for what is theirs, and write what is temporary."""
    return {"HOME": folder, "TMPDIR": str(Path(folder, "temporary"))}


def stranger() -> int | None:
    """The number of a user that nobody is, for root to become; None for all others.

    It is the same for all that is confined for one trial only by passing it on.
    """
    if os.getuid():
        return None
    number = secrets.randbelow(NOBODIES)
    lines = [line.split() for line in Path("/proc/self/uid_map").read_text().splitlines()]
    ranges = [range(int(first), int(first) + int(count)) for first, _, count in lines]
    for start in (FAR_NOBODY, NEAR_NOBODY):
        if any(start + number in mapped for mapped in ranges):
            return start + number
    return None


def confinement(rung: Rung, limits: Limits, wants: Wants) -> "Confinement":
    """What a process will allow itself, inside of whatever is around it."""
    wrapped = rung is Rung.BUBBLEWRAP
    denied = [] if wants.processes else ["processes"]
    return {
        "seconds": limits.seconds,
        "memory": limits.memory,
        "reserves": wants.reserves,
        "processes": limits.processes,
        "user": wants.user,
        "shared": not wrapped and wants.user is None,
        "disk": limits.disk,
        "readable": ["/"] if wrapped else [*readable(wants.tools), *DEVICES],
        "writable": ["/dev/null", *([wants.folder] if wants.folder else [])],
        "denied": denied if wrapped else [*denied, "attributes"],
        "landlock": not wrapped,
    }


def stop(process: "Popen[bytes]", rung: Rung, wants: Wants) -> None:
    """End a sandboxed process, and return when nothing of it is left.

    The first process of bubblewrap's process namespace goes first: the kernel ends all others with
    it, and bubblewrap ends when they are gone. Elsewhere what starts commands ends them itself.
    """
    from subprocess import TimeoutExpired

    wrapped = rung is Rung.BUBBLEWRAP
    for number in children(process.pid) if wrapped else [process.pid] if wants.processes else []:
        with suppress(ProcessLookupError, TimeoutExpired):
            os.kill(number, signal.SIGKILL if wrapped else signal.SIGTERM)
            process.wait(GONE_SECONDS)
    end(process)
    if process.stdout:
        process.stdout.close()


@cache
def program(*modules: str) -> str:
    """A program for `python -c` that defines modules under their own names and runs the last."""
    texts = [
        (f"{PACKAGE}.{name}", (INSIDE / f"{name}.py").read_text(encoding="utf-8"))
        for name in modules
    ]
    return LOADER.format(modules=texts)
