"""Programs in other languages: compiled and run with their tests in one sandbox.

A program has passed if all its commands exit with 0, and its epilogue has printed the nonce that it
was given. `toolchains.py` says what that does not prevent.
"""

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from starcoder_cli.sandbox.isolation import WORK_FOLDER, SandboxKind
from starcoder_cli.sandbox.monitor import CommandMonitor
from starcoder_cli.sandbox.process import (
    BASE_ENVIRONMENT,
    JobPayload,
    ProcessRequirements,
    build_confinement,
    pick_unused_uid,
    run_in_sandbox,
)
from starcoder_cli.sandbox.toolchains import TOOLCHAINS, Toolchain, plan_build
from starcoder_cli.sandbox.toolpaths import find_tool, find_tool_folders
from starcoder_cli.sandbox.trial import Limits, SandboxJob, Verdict
from starcoder_cli.system.temporary import temporary_folder

COMMAND_MODULES = ("commands",)
COMPILE_LIMITS = Limits(seconds=180.0, memory=4 << 30, processes=256, disk=512 << 20)
MAX_DETAIL_CHARACTERS = 500


def judge_compiled(kind: SandboxKind, language: str, job: SandboxJob, limits: Limits) -> Verdict:
    """Judge a program in a language of TOOLCHAINS, in a sandbox of this kind."""
    started = time.monotonic()
    toolchain = TOOLCHAINS[language]
    plan = plan_build(language, job.program, job.tests)
    nonce = secrets.token_hex(16)
    with open_work_folder(kind) as folder, open_pipe() as (read_end, write_end):
        requirements = toolchain_requirements(toolchain, folder, limits)
        payload: JobPayload = {
            "files": plan.files,
            "steps": [
                *(
                    build_step(kind, command, COMPILE_LIMITS, requirements)
                    for command in plan.compile_commands
                ),
                {**build_step(kind, plan.run_command, limits, requirements), "input": nonce},
            ],
            "user": requirements.user,
            "writes": write_end,
        }
        with run_in_sandbox(kind, COMMAND_MODULES, payload, requirements) as process:
            os.close(write_end)
            step_limits = [*((COMPILE_LIMITS,) * len(plan.compile_commands)), limits]
            monitor = CommandMonitor(
                process, read_end, None if kind is SandboxKind.BUBBLEWRAP else Path(folder)
            )
            result, detail = monitor.wait_for_outcome(step_limits, nonce)
    return Verdict(
        result == "passed", result, detail[:MAX_DETAIL_CHARACTERS], time.monotonic() - started
    )


@contextmanager
def open_work_folder(kind: SandboxKind) -> Iterator[str]:
    """The folder that a program works in: the sandbox's own, or a temporary one."""
    if kind is SandboxKind.BUBBLEWRAP:
        yield WORK_FOLDER
        return
    with temporary_folder() as folder:
        yield str(folder)


@contextmanager
def open_pipe() -> Iterator[tuple[int, int]]:
    """The two ends of a pipe; the caller closes the second one after passing it on."""
    read_end, write_end = os.pipe()
    try:
        yield read_end, write_end
    finally:
        os.close(read_end)


def toolchain_requirements(
    toolchain: Toolchain, folder: str, limits: Limits
) -> ProcessRequirements:
    """What the commands of a language need."""
    tool_folders = [str(path.parent) for tool in toolchain.tools if (path := find_tool(tool))]
    paths = dict.fromkeys((*tool_folders, *BASE_ENVIRONMENT["PATH"].split(":")))
    return ProcessRequirements(
        readable_folders=find_tool_folders(*toolchain.tools),
        writable_folder=folder,
        disk_bytes=limits.disk + (COMPILE_LIMITS.disk if toolchain.compile_commands else 0),
        starts_processes=True,
        reserves_memory=toolchain.reserves_memory,
        user=pick_unused_uid(),
        environment={**toolchain.environment, "PATH": ":".join(paths)},
    )


def build_step(
    kind: SandboxKind, arguments: tuple[str, ...], limits: Limits, requirements: ProcessRequirements
) -> dict[str, object]:
    """A command as the sandbox runs it; compilers may change file attributes."""
    heap = str((limits.memory >> 20) * 3 // 4)
    command = [argument.replace("{heap}", heap) for argument in arguments]
    tool_path = find_tool(command[0])
    rules = build_confinement(kind, limits, requirements)
    if limits is COMPILE_LIMITS:
        rules["denied"] = [name for name in rules["denied"] if name != "attributes"]
    return {
        "command": [str(tool_path) if tool_path else command[0], *command[1:]],
        "input": "",
        "confinement": rules,
    }
