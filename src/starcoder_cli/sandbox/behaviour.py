"""What a project's file does, found by running parts of it in the sandbox.

The file runs in its own language's usual interpreter, which may have the project's packages, in a
copy of the project that it may read. Reports about it are printed by a script of ours in its own
process: a file could forge them if it wanted to, but nothing of it leaves the sandbox.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from starcoder_cli.errors import InputError
from starcoder_cli.sandbox.compiled import COMMAND_MODULES, open_pipe, open_work_folder
from starcoder_cli.sandbox.detect import detect_sandbox
from starcoder_cli.sandbox.isolation import SandboxKind
from starcoder_cli.sandbox.monitor import CommandMonitor
from starcoder_cli.sandbox.process import (
    BASE_ENVIRONMENT,
    INSIDE_FOLDER,
    JobPayload,
    ProcessRequirements,
    build_confinement,
    pick_unused_uid,
    run_in_sandbox,
)
from starcoder_cli.sandbox.toolchains import NODE_ENVIRONMENT
from starcoder_cli.sandbox.toolpaths import find_interpreter, find_tool, find_tool_folders
from starcoder_cli.sandbox.trial import Limits

BEHAVIOUR_LIMITS = Limits(seconds=20.0, memory=2 << 30)
ENVIRONMENT = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", **NODE_ENVIRONMENT}
SCRIPTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "python": ("behaviour.py", ("python3", "-X", "utf8")),
    "javascript": ("behaviour.js", ("node", "--max-old-space-size={heap}")),
}
"""The script for each language, and what runs it."""

LOADED, DETAIL, SESSION, STATEMENT, CALL, TESTS, DONE = "lxsactd"  # as the scripts write them
LOAD_SECONDS = 10.0
MAX_NUMBER_DIGITS = 6
MAX_OUTPUT_BYTES = 1 << 18
"""Enough for more trials than there ever are; a file that floods them loses its own lines."""


@dataclass(frozen=True)
class Trials:
    """What to run of a file, as a module with this name that imports from `paths`, in a folder.

    `sessions` are docstrings with examples, `statements` pass if they raise nothing. `calls` are
    an expression for a function, and one for a tuple of its arguments. `tests` are test files.
    """

    file: str
    module: str
    folder: str
    paths: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()
    calls: tuple[tuple[str, str], ...] = ()
    tests: tuple[str, ...] = ()
    load_seconds: float = LOAD_SECONDS


@dataclass(frozen=True)
class Behaviour:
    """The outcome of the trials: how many examples, statements and tests pass and fail.

    A run that was ended early counts as a failure. `tests_run` counts those in test files.
    `outcomes` maps the number of each call to a name for what it returned, the same for equal
    values, or the kind of an exception after a `!`. `detail` says why a file could not be run.
    """

    loaded: bool
    passed: int = 0
    failed: int = 0
    tests_run: int = 0
    outcomes: Mapping[int, str] = field(default_factory=dict)
    detail: str = ""


def require_interpreter(language: str) -> None:
    """Raise InputError if a language cannot be run here, MachineError without a sandbox."""
    detect_sandbox()
    interpreter = SCRIPTS[language][1][0]
    if not find_tool(interpreter):
        raise InputError(f"{interpreter} is not on the PATH", f"install it to run {language}")


def observe(
    language: str, folder: Path, trials: Trials, limits: Limits = BEHAVIOUR_LIMITS
) -> Behaviour:
    """Run the trials in a folder, which they may read, and return their outcome."""
    kind = detect_sandbox()
    script, command = SCRIPTS[language]
    with open_work_folder(kind) as work_folder, open_pipe() as (read_end, write_end):
        requirements = script_requirements(command[0], work_folder, folder, limits)
        heap = str(limits.memory >> 21)
        words = [
            str(find_interpreter(command[0])),
            *(word.replace("{heap}", heap) for word in command[1:]),
        ]
        payload: JobPayload = {
            "files": {
                script: (INSIDE_FOLDER / script).read_text(encoding="utf-8"),
                "trials.json": json.dumps(asdict(trials)),
            },
            "steps": [
                {
                    "command": [*words, f"{work_folder}/{script}", f"{work_folder}/trials.json"],
                    "input": "",
                    "confinement": build_confinement(kind, limits, requirements),
                }
            ],
            "user": requirements.user,
            "writes": write_end,
        }
        with run_in_sandbox(kind, COMMAND_MODULES, payload, requirements) as process:
            os.close(write_end)
            own_folder = None if kind is SandboxKind.BUBBLEWRAP else Path(work_folder)
            monitor = CommandMonitor(process, read_end, own_folder, MAX_OUTPUT_BYTES)
            _, detail = monitor.wait_for_outcome([limits], "")
    return read_behaviour(monitor.output, detail)


def script_requirements(
    interpreter: str, work_folder: str, folder: Path, limits: Limits
) -> ProcessRequirements:
    """What an interpreter that runs files of a folder needs."""
    return ProcessRequirements(
        readable_folders=(*find_tool_folders(interpreter), str(folder)),
        writable_folder=work_folder,
        disk_bytes=limits.disk,
        starts_processes=True,
        reserves_memory=True,
        user=pick_unused_uid(),
        environment={**BASE_ENVIRONMENT, **ENVIRONMENT},
    )


def read_behaviour(output: str, detail: str) -> Behaviour:
    """Parse the lines that a script wrote; lines in any other form are ignored."""
    passed = failed = tests_run = 0
    found: set[str] = set()
    outcomes: dict[int, str] = {}
    for line in output.splitlines():
        kind, _, rest = line.partition(" ")
        number, _, words = rest.partition(" ")
        if not is_number(number):
            continue
        found.add(kind)
        if kind == DETAIL:
            detail = words
        elif kind == CALL:
            outcomes[int(number)] = words
        elif kind in (SESSION, STATEMENT, TESTS):
            good, bad = read_counts(words)
            passed, failed = passed + good, failed + bad
            tests_run += good + bad if kind == TESTS else 0
    loaded = LOADED in found
    failed += loaded and DONE not in found
    return Behaviour(loaded, passed, failed, tests_run, outcomes, "" if loaded else detail)


def is_number(text: str) -> bool:
    """Whether a text is a number as our scripts write it."""
    return text.isdecimal() and len(text) <= MAX_NUMBER_DIGITS


def read_counts(text: str) -> tuple[int, int]:
    """The numbers of passed and failed trials that a line reports."""
    words = text.split()
    return (
        (int(words[0]), int(words[1])) if len(words) == 2 and all(map(is_number, words)) else (0, 0)
    )
