"""Programs in other languages: compiled and run with their tests in one sandbox.

Passed is a program whose commands all exit with 0, and whose epilogue has printed the word that it
was given. What that does not prevent is told in `toolchains.py`.
"""

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from starcoder_cli.sandbox.isolation import WORK, Rung
from starcoder_cli.sandbox.monitor import Followed
from starcoder_cli.sandbox.process import ENVIRONMENT, Job, Wants, confinement, running, stranger
from starcoder_cli.sandbox.toolchains import TOOLCHAINS, Toolchain, build
from starcoder_cli.sandbox.toolpaths import find, folders
from starcoder_cli.sandbox.trial import Limits, Trial, Verdict

MODULES = ("commands",)
COMPILING = Limits(seconds=60.0, memory=4 << 30, processes=256, disk=512 << 20)
LOOK_SECONDS = 0.05
KEPT = 1 << 14
MOST_DETAIL = 500


def run(rung: Rung, language: str, trial: Trial, limits: Limits) -> Verdict:
    """Judge a program in a language of TOOLCHAINS, in a sandbox of this kind."""
    began = time.monotonic()
    chain = TOOLCHAINS[language]
    made = build(language, trial.program, trial.tests)
    word = secrets.token_hex(16)
    with workplace(rung) as folder, pipe() as (reads, writes):
        wants = asked(chain, folder, limits)
        job: Job = {
            "files": made.files,
            "steps": [
                *(step(rung, words, COMPILING, wants) for words in made.compile),
                {**step(rung, made.run, limits, wants), "input": word},
            ],
            "user": wants.user,
            "writes": writes,
        }
        with running(rung, MODULES, job, wants) as process:
            os.close(writes)
            steps = [*((COMPILING,) * len(made.compile)), limits]
            followed = Followed(process, reads, None if rung is Rung.BUBBLEWRAP else Path(folder))
            result, detail = followed.outcome(steps, word)
    return Verdict(result == "passed", result, detail[:MOST_DETAIL], time.monotonic() - began)


@contextmanager
def workplace(rung: Rung) -> Iterator[str]:
    """The folder that a program works in: the sandbox's own, or a temporary one."""
    if rung is Rung.BUBBLEWRAP:
        yield WORK
        return
    import tempfile

    with tempfile.TemporaryDirectory(prefix="starcoder-", ignore_cleanup_errors=True) as folder:
        yield os.path.realpath(folder)


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    """The two ends of a pipe, the second of which is closed by whoever passes it on."""
    reads, writes = os.pipe()
    try:
        yield reads, writes
    finally:
        os.close(reads)


def asked(chain: Toolchain, folder: str, limits: Limits) -> Wants:
    """What the commands of a language need."""
    places = [str(path.parent) for tool in chain.tools if (path := find(tool))]
    paths = dict.fromkeys((*places, *ENVIRONMENT["PATH"].split(":")))
    return Wants(
        tools=folders(*chain.tools),
        folder=folder,
        disk=limits.disk + (COMPILING.disk if chain.compile else 0),
        processes=True,
        reserves=chain.reserves,
        user=stranger(),
        environment={**chain.environment, "PATH": ":".join(paths)},
    )


def step(rung: Rung, words: tuple[str, ...], limits: Limits, wants: Wants) -> dict[str, object]:
    """A command as the sandbox runs it; compilers may set what files are allowed."""
    heap = str((limits.memory >> 20) * 3 // 4)
    command = [word.replace("{heap}", heap) for word in words]
    tool = find(command[0])
    allowed = confinement(rung, limits, wants)
    if limits is COMPILING:
        allowed["denied"] = [name for name in allowed["denied"] if name != "attributes"]
    return {
        "command": [str(tool) if tool else command[0], *command[1:]],
        "input": "",
        "confinement": allowed,
    }
