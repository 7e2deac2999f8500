"""One sandboxed process and all that it starts: begun, given its job, and ended for good."""

import json
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from starcoder_cli.processes import children, end
from starcoder_cli.sandbox.inside.confine import Confinement
from starcoder_cli.sandbox.ladder import DEVICES, WORK, Rung, bubblewrap, python, readable
from starcoder_cli.sandbox.trial import Limits

if TYPE_CHECKING:
    from subprocess import Popen

GONE_SECONDS = 5.0
INSIDE = Path(__file__).parent / "inside"
PACKAGE = "starcoder_cli.sandbox.inside"
CONFINING = ("kernel", "landlock", "seccomp", "confine")
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": WORK, "LANG": "C.UTF-8"}
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
    """What a sandboxed process needs beyond the system: tools' folders, one to write to, forks."""

    tools: tuple[str, ...] = ()
    folder: Path | None = None
    processes: bool = False
    reserves: bool = False


NOTHING = Wants()


def start(
    rung: Rung, modules: Sequence[str], job: Job, limits: Limits, wants: Wants = NOTHING
) -> "Popen[bytes]":
    """Start modules of `inside` in a sandbox, the last one's `main` with a job on standard input.

    File descriptors that the job names as `reads` and `writes` are passed on. Its output is a
    pipe, which has to be read or closed.
    """
    import subprocess

    passed = [number for name in ("reads", "writes") if isinstance(number := job.get(name), int)]
    paths = readable(wants.tools)
    disk = limits.disk if wants.folder else None
    words = bubblewrap(paths, disk) if rung is Rung.BUBBLEWRAP else []
    process = subprocess.Popen(
        [*words, python(), "-I", "-S", "-X", "utf8", "-c", program(*CONFINING, *modules)],
        cwd=wants.folder or "/",
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=passed,
        start_new_session=True,
    )
    assert process.stdin is not None
    try:
        with process.stdin as stdin:
            allowed = confinement(rung, limits, wants, paths)
            stdin.write(json.dumps({**job, "confinement": allowed}).encode("ascii"))
    except BrokenPipeError:  # it has ended, and whoever waits for its answer will see that
        pass
    except BaseException:
        stop(process)
        raise
    return process


def stop(process: "Popen[bytes]") -> None:
    """End a sandboxed process, and return when nothing of it is left.

    The first process of bubblewrap's process namespace goes first: the kernel ends all others with
    it, and bubblewrap ends when they are gone.
    """
    from subprocess import TimeoutExpired

    for child in children(process.pid):
        with suppress(ProcessLookupError, TimeoutExpired):
            os.kill(child, signal.SIGKILL)
            process.wait(GONE_SECONDS)
    end(process)
    if process.stdout:
        process.stdout.close()


def confinement(rung: Rung, limits: Limits, wants: Wants, paths: list[str]) -> Confinement:
    """What the process will allow itself, inside of whatever is around it."""
    wrapped = rung is Rung.BUBBLEWRAP
    denied = [] if wants.processes else ["processes"]
    return Confinement(
        seconds=limits.seconds,
        memory=limits.memory,
        reserves=wants.reserves,
        processes=limits.processes if wrapped else None,
        disk=limits.disk,
        readable=["/"] if wrapped else [*paths, *DEVICES],
        writable=["/dev/null", *([WORK if wrapped else str(wants.folder)] if wants.folder else [])],
        denied=denied if wrapped else [*denied, "attributes"],
        landlock=not wrapped,
    )


@cache
def program(*modules: str) -> str:
    """A program for `python -c` that defines modules under their own names and runs the last."""
    texts = [
        (f"{PACKAGE}.{name}", (INSIDE / f"{name}.py").read_text(encoding="utf-8"))
        for name in modules
    ]
    return LOADER.format(modules=texts)
