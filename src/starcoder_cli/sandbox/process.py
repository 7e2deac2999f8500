"""One sandboxed process and all that it starts: start it, give it its job, stop it for good."""

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

from starcoder_cli.sandbox.isolation import (
    DEVICE_PATHS,
    SandboxKind,
    bubblewrap_command,
    python_path,
    readable_paths,
)
from starcoder_cli.sandbox.trial import Limits
from starcoder_cli.system.processes import kill_and_wait, list_children, terminate_and_wait
from starcoder_cli.system.signals import defer_signals

if TYPE_CHECKING:
    from subprocess import Popen

    from starcoder_cli.sandbox.inside.confine import Confinement

# Above any existing user or, if fewer are mapped, among those that systemd hands out.
HIGH_UID_START, LOW_UID_START, UID_COUNT = 0x70000000, 61184, 4096
EXIT_WAIT_SECONDS = 5.0
INSIDE_FOLDER = Path(__file__).parent / "inside"
INSIDE_PACKAGE = "starcoder_cli.sandbox.inside"
CONFINE_MODULES = ("kernel", "identity", "landlock", "seccomp", "confine")
BASE_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
LOADER_TEMPLATE = """
import sys, types
for name, text in {modules!r}:
    module = sys.modules[name] = types.ModuleType(name)
    exec(compile(text, name, "exec"), module.__dict__)
module.main()
"""

JobPayload = Mapping[str, object]


@dataclass(frozen=True)
class ProcessRequirements:
    """What a sandboxed process needs beyond the system.

    `disk_bytes` is the room in `writable_folder`. `reserves_memory` says that its memory is counted
    by what it uses, `user` is the number of the user it becomes if it would otherwise be root.
    """

    readable_folders: tuple[str, ...] = ()
    writable_folder: str | None = None
    disk_bytes: int = 1 << 20
    starts_processes: bool = False
    reserves_memory: bool = False
    user: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def run_in_sandbox(
    kind: SandboxKind,
    modules: Sequence[str],
    payload: JobPayload,
    requirements: ProcessRequirements,
) -> Iterator["Popen[bytes]"]:
    """A sandboxed process that runs modules of `inside`: the last one's `main`, with a job.

    File descriptors that the job names as `reads` and `writes` are passed on. Its output is a
    pipe, which must be read. Nothing of it remains at the end, however it ends.
    """
    process = None
    try:
        with defer_signals():
            process = start_in_sandbox(kind, modules, payload, requirements)
        yield process
    finally:
        if process:
            stop_sandbox(process, kind, requirements)


def start_in_sandbox(
    kind: SandboxKind,
    modules: Sequence[str],
    payload: JobPayload,
    requirements: ProcessRequirements,
) -> "Popen[bytes]":
    """Start a sandboxed process, and give it its job on standard input."""
    import subprocess

    passed_fds = [
        descriptor
        for name in ("reads", "writes")
        if isinstance(descriptor := payload.get(name), int)
    ]
    command, working_folder = (
        [python_path(), "-I", "-S", "-X", "utf8", "-c", build_loader(*CONFINE_MODULES, *modules)],
        "/",
    )
    if kind is SandboxKind.BUBBLEWRAP:
        command = [
            *bubblewrap_command(
                readable_paths(requirements.readable_folders), requirements.disk_bytes
            ),
            *command,
        ]
    elif requirements.writable_folder:
        working_folder = requirements.writable_folder
    process = subprocess.Popen(
        command,
        cwd=working_folder,
        env={
            **BASE_ENVIRONMENT,
            **home_variables(requirements.writable_folder or "/"),
            **requirements.environment,
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=passed_fds,
        start_new_session=True,
    )
    # In a process namespace of its own the parent has another number; there all end together.
    parent = None if kind is SandboxKind.BUBBLEWRAP else os.getpid()
    assert process.stdin is not None
    with suppress(BrokenPipeError), process.stdin as stdin:  # whoever waits for it will see
        stdin.write(json.dumps({**payload, "parent": parent}).encode("ascii"))
    return process


def home_variables(folder: str) -> Mapping[str, str]:
    """The variables that say where programs find their own files and write temporary ones."""
    return {"HOME": folder, "TMPDIR": str(Path(folder, "temporary"))}


def pick_unused_uid() -> int | None:
    """The number of an unused user for root to become, or None for any other user.

    Everything confined for one job must be passed the same number.
    """
    if os.getuid():
        return None
    offset = secrets.randbelow(UID_COUNT)
    lines = [line.split() for line in Path("/proc/self/uid_map").read_text().splitlines()]
    ranges = [range(int(first), int(first) + int(count)) for first, _, count in lines]
    for start in (HIGH_UID_START, LOW_UID_START):
        if any(start + offset in uid_range for uid_range in ranges):
            return start + offset
    return None


def build_confinement(
    kind: SandboxKind, limits: Limits, requirements: ProcessRequirements
) -> "Confinement":
    """What a process will allow itself, within whatever surrounds it."""
    is_bubblewrap = kind is SandboxKind.BUBBLEWRAP
    denied = [] if requirements.starts_processes else ["processes"]
    return {
        "seconds": limits.seconds,
        "memory": limits.memory,
        "reserves": requirements.reserves_memory,
        "processes": limits.processes,
        "user": requirements.user,
        "shared": not is_bubblewrap and requirements.user is None,
        "disk": limits.disk,
        "readable": ["/"]
        if is_bubblewrap
        else [*readable_paths(requirements.readable_folders), *DEVICE_PATHS],
        "writable": [
            "/dev/null",
            *([requirements.writable_folder] if requirements.writable_folder else []),
        ],
        "denied": denied if is_bubblewrap else [*denied, "attributes"],
        "landlock": not is_bubblewrap,
    }


def stop_sandbox(
    process: "Popen[bytes]", kind: SandboxKind, requirements: ProcessRequirements
) -> None:
    """End a sandboxed process, and return when nothing of it remains.

    The first process of bubblewrap's process namespace goes first: the kernel ends all others with
    it, and bubblewrap ends when they are gone. Otherwise the starter of commands ends them itself.
    """
    from subprocess import TimeoutExpired

    if kind is SandboxKind.BUBBLEWRAP:
        for process_id in list_children(process.pid):
            with suppress(ProcessLookupError, TimeoutExpired):
                os.kill(process_id, signal.SIGKILL)
                process.wait(EXIT_WAIT_SECONDS)
    elif requirements.starts_processes:
        terminate_and_wait(process, EXIT_WAIT_SECONDS)
    kill_and_wait(process)
    if process.stdout:
        process.stdout.close()


@cache
def build_loader(*modules: str) -> str:
    """A program for `python -c` that defines modules under their own names and runs the last."""
    texts = [
        (f"{INSIDE_PACKAGE}.{name}", (INSIDE_FOLDER / f"{name}.py").read_text(encoding="utf-8"))
        for name in modules
    ]
    return LOADER_TEMPLATE.format(modules=texts)
