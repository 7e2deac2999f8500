"""Commands in a sandbox, and children that shut themselves in: what they print, how they end."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from starcoder_cli.sandbox.compiled import open_work_folder
from starcoder_cli.sandbox.isolation import SandboxKind
from starcoder_cli.sandbox.process import (
    ProcessRequirements,
    build_confinement,
    pick_unused_uid,
    run_in_sandbox,
)
from starcoder_cli.sandbox.trial import Limits

LIMITS = Limits(seconds=30.0)
SHELL = ("/bin/sh", "-c")
# What scripts say of a call: how it failed, or that it was done.
TRIED = """
def tried(call, *words):
    try:
        call(*words)
    except OSError as error:
        return error.strerror
    return "done"
"""


@dataclass(frozen=True)
class Ran:
    """The exit codes of some commands, and what they printed together."""

    codes: list[int]
    output: str


def run_commands(
    kind: SandboxKind, *scripts: str, files: Mapping[str, str] | None = None, given: str = ""
) -> Ran:
    """Scripts for `sh` in one sandbox, one after the other, as programs of a language are run."""
    read_end, write_end = os.pipe()
    with open_work_folder(kind) as folder, closing(os.fdopen(read_end, "rb")) as printed:
        requirements = ProcessRequirements(
            writable_folder=folder,
            disk_bytes=1 << 20,
            starts_processes=True,
            user=pick_unused_uid(),
        )
        rules = build_confinement(kind, LIMITS, requirements)
        steps = [
            {"command": [*SHELL, script], "input": given, "confinement": rules}
            for script in scripts
        ]
        payload = {
            "files": dict(files or {}),
            "steps": steps,
            "user": requirements.user,
            "writes": write_end,
        }
        with run_in_sandbox(kind, ("commands",), payload, requirements) as process:
            os.close(write_end)
            assert process.stdout
            codes = [int(line) for line in process.stdout.read().splitlines()]
            return Ran(codes, printed.read().decode())


def child(script: str, *words: str, folder: Path | None = None) -> object:
    """What a script in a process of its own prints as JSON, where it has `tried`."""
    done = subprocess.run(
        [sys.executable, "-c", TRIED + script, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    value: object = json.loads(done.stdout)
    return value
