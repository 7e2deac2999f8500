"""Trials that are broken off: whatever ends the judge ends all that it has started."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

import leftovers
from serving import gone, until
from starcoder_cli.sandbox import SandboxKind

PROGRAMS = {
    "python": "def f(x):\n    while True:\n        pass\n",
    "bash": "trap '' TERM INT HUP\n(setsid sleep @mark@ &)\nsleep @mark@ &\nsleep @mark@\n",
}
JUDGE = """
import sys, tempfile, threading
from starcoder_cli.sandbox import Limits, SandboxJob, judge
tempfile.tempdir = sys.argv[3]
print("ready", flush=True)
judge(SandboxJob(sys.argv[1], sys.argv[2], "assert f(1) == 2"), Limits(seconds=300))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("language", PROGRAMS)
def test_nothing_survives_the_judge(
    rung: SandboxKind, language: str, number: signal.Signals, tmp_path: Path
) -> None:
    mark = f"602.{os.getpid()}{number:d}{rung == SandboxKind.LANDLOCK:d}"
    program = PROGRAMS[language].replace("@mark@", mark)
    judge = subprocess.Popen(
        [sys.executable, "-c", JUDGE, language, program, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert judge.stdout
    assert judge.stdout.readline() == b"ready\n"
    running = wait(judge.pid, mark if language == "bash" else leftovers.OURS)
    judge.send_signal(number)
    judge.wait(20)
    judge.stdout.close()
    assert running
    assert [number for number in running if not until(partial(gone, number))] == []
    if number == signal.SIGINT:
        assert list(tmp_path.iterdir()) == []


def wait(judge: int, mark: str) -> list[int]:
    """The processes of a trial, as soon as some with a mark have begun to do something."""
    for _ in range(1000):
        tree = descendants(judge)
        if any(mark.encode() in words for words in tree.values()):
            time.sleep(0.3)
            return list(descendants(judge))
        time.sleep(0.02)
    return []


def descendants(process: int) -> dict[int, bytes]:
    """What a process has started, and what that has, with their command lines."""
    parents: dict[int, int] = {}
    words: dict[int, bytes] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
            words[int(folder.name)] = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        parents[int(folder.name)] = int(stat[1])
    found = [process]
    for parent in found:
        found += [number for number, above in parents.items() if above == parent]
    return {number: words[number] for number in found[1:] if number in words}
