"""Completions that cheat or do harm: none passes, none reaches anything, and nothing of it is left.

A harmless twin shows that the tests themselves can be passed.
"""

import os
import socket
import tempfile
from pathlib import Path

import pytest

import hostile
import leftovers
from starcoder_cli.sandbox import Limits, SandboxJob, SandboxKind, Verdict, judge

LIMITS = Limits(seconds=2.0, memory=256 << 20)
PATIENT = Limits(seconds=30.0, memory=256 << 20)
TESTS = {
    "python": "assert add(1, 2) == 3\nassert add(40, 2) == 42\n",
    "bash": "set -e\n[[ $(add 1 2) = 3 ]]\n[[ $(add 40 2) = 42 ]]\n",
}
RESULTS = {"wrong", "crashed", "timeout", "memory", "processes", "disk", "refused"}

pytestmark = pytest.mark.usefixtures("rung")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files are made, in a folder of the test."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the user's with a file in it; a secret is in the environment too."""
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    folder = tmp_path / "canary"
    folder.mkdir(mode=0o750)
    (folder / "kept").write_text("kept")
    return folder


def verdict(
    language: str, program: str, canary: Path, mark: str = "600", limits: Limits = LIMITS
) -> Verdict:
    """How a program is judged, with its words filled in, while a port is listened to."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        words = {
            "@canary@": str(canary),
            "@port@": str(server.getsockname()[1]),
            "@process@": str(os.getpid()),
            "@processes@": str([os.getpid(), os.getppid(), 1]),
            "@mark@": mark,
        }
        for word, text in words.items():
            program = program.replace(word, text)
        return judge(SandboxJob(language, program, TESTS[language]), limits)


@pytest.mark.parametrize("name", hostile.PYTHON)
def test_python_fails_and_leaves_nothing(name: str, folder: Path, canary: Path) -> None:
    before = leftovers.state(canary)
    judged = verdict("python", hostile.PYTHON[name], canary)
    assert not judged.passed
    assert judged.result in RESULTS
    assert leftovers.processes() == []
    assert list(folder.iterdir()) == []
    assert leftovers.state(canary) == before


@pytest.mark.parametrize("name", hostile.BASH)
def test_bash_fails_and_leaves_nothing(
    name: str, rung: SandboxKind, folder: Path, canary: Path
) -> None:
    before = leftovers.state(canary)
    mark = f"600.{os.getpid()}{list(hostile.BASH).index(name)}{rung == SandboxKind.LANDLOCK:d}"
    judged = verdict("bash", hostile.BASH[name], canary, mark)
    assert not judged.passed
    assert judged.result in RESULTS
    assert leftovers.processes() == []
    assert leftovers.processes(mark) == []
    assert list(folder.iterdir()) == []
    assert leftovers.state(canary) == before


@pytest.mark.parametrize("depth", [1100, 4000])
def test_folders_inside_each_other_are_removed(depth: int, folder: Path, canary: Path) -> None:
    """As many as Python recurses, and more; whether the program passes is its own matter."""
    make = f"import os\nfor _ in range({depth}): os.mkdir('d'); os.chdir('d')"
    program = f'add() {{\n  python3 -c "{make}" 2> /dev/null\n  echo $(($1 + $2))\n}}\n'
    assert verdict("bash", program, canary, limits=PATIENT).result in ("passed", "disk")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "language, program",
    [
        ("python", "def add(a, b):\n    return a + b\n"),
        (
            "bash",
            "add() { sleep @mark@ > /dev/null & touch a a && echo $(($1 + $2)); }\n",
        ),
    ],
)
def test_a_harmless_program_passes(language: str, program: str, folder: Path, canary: Path) -> None:
    mark = f"601.{os.getpid()}"
    assert verdict(language, program, canary, mark, PATIENT).passed
    assert leftovers.processes(mark) == []
    assert list(folder.iterdir()) == []
