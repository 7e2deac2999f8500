"""Commands that are watched: how each of them ends, what they say, and when it is too much."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from starcoder_cli.sandbox.monitor import (
    OUTPUT_TAIL_BYTES,
    OWN_PROCESSES,
    CommandMonitor,
    describe_exit,
    failure_result,
    find_exceeded_limit,
    folder_bytes,
    list_processes,
    nameless_bytes,
    resident_bytes,
)
from starcoder_cli.sandbox.trial import Limits

PATIENT = Limits(seconds=60.0)
NONCE = "4711"
WAIT = "sys.stdin.read()"


@contextmanager
def started(script: str, folder: Path | None = None) -> Iterator[CommandMonitor]:
    """A process that reports with `report(code)` and prints with `say(text)`, and its monitor."""
    read_end, write_end = os.pipe()
    helpers = (
        "import os, subprocess, sys\n"
        "def report(code): os.write(1, f'{code}\\n'.encode())\n"
        f"def say(text): os.write({write_end}, text.encode())\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", helpers + script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=[write_end],
    ) as process:
        os.close(write_end)
        try:
            yield CommandMonitor(process, read_end, folder)
        finally:
            process.kill()
            os.close(read_end)


def outcome(script: str, *steps: Limits, folder: Path | None = None) -> tuple[str, str]:
    """How some steps end, one unless others are given."""
    with started(script, folder) as monitor:
        return monitor.wait_for_outcome(steps or [PATIENT], NONCE)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("say('4711'); report(0)", ("passed", "")),
        ("say('a' * 50000); say('4711'); report(0)", ("passed", "")),
        ("report(0)", ("crashed", "it ended before its tests did")),
        ("say('471'); report(0)", ("crashed", "it ended before its tests did")),
        ("say('4711'); report(1)", ("crashed", "4711")),
        ("report(3)", ("crashed", "exit code 3")),
        ("report(-11)", ("crashed", "ended by SIGSEGV")),
        ("say('one\\nAn Error: x\\nlast\\n'); report(1)", ("crashed", "An Error: x")),
        ("say('one\\nlast\\n\\n'); report(1)", ("crashed", "last")),
        ("say('4711')", ("crashed", "4711")),
        ("", ("crashed", "the sandbox ended")),
        ("report('no number')", ("crashed", "the sandbox ended")),
        (f"report({-signal.SIGXCPU})", ("timeout", "ended by SIGXCPU")),
        (f"report({-signal.SIGXFSZ})", ("disk", "ended by SIGXFSZ")),
    ],
)
def test_how_a_command_ends(script: str, expected: tuple[str, str]) -> None:
    assert outcome(script) == expected


def test_every_step_has_to_end_well() -> None:
    """Steps that were reported together count one by one; the nonce is the last one's matter."""
    assert outcome("report(0); report(0); say('4711'); report(0)", *[PATIENT] * 3) == ("passed", "")
    assert outcome("say('4711'); report(0); report(2)", *[PATIENT] * 2) == ("crashed", "4711")
    assert outcome("report(0)", *[PATIENT] * 2) == ("crashed", "the sandbox ended")


def test_only_the_end_of_what_is_printed_is_kept() -> None:
    """An error before it is not found any more, and a nonce is not either."""
    much = f"say('error first\\n4711\\n' + 'a\\n' * {OUTPUT_TAIL_BYTES})"
    assert outcome(f"{much}; report(1)") == ("crashed", "a")
    assert outcome(f"{much}; report(0)") == ("crashed", "it ended before its tests did")


def test_a_process_that_holds_the_pipe_open_is_not_waited_for() -> None:
    """What it inherited it keeps until it is killed with the rest."""
    script = f"subprocess.Popen(['cat'], close_fds=False); say('4711'); report(0); {WAIT}"
    assert outcome(script) == ("passed", "")


@pytest.mark.parametrize(
    ("script", "limits", "expected"),
    [
        (WAIT, Limits(seconds=0.2), ("timeout", "not done within 0.2 s")),
        (WAIT, Limits(seconds=60, memory=1 << 20), ("memory", "took more memory than it may")),
        (
            f"[subprocess.Popen(['cat'], stdin=0) for _ in range({OWN_PROCESSES + 2})]; {WAIT}",
            Limits(seconds=60, processes=2),
            ("processes", "started more processes than it may"),
        ),
        (
            f"open('file', 'wb').write(b'1' * 100000); {WAIT}",
            Limits(seconds=60, disk=50000),
            ("disk", "wrote more than it may"),
        ),
    ],
)
def test_a_command_that_goes_too_far_is_stopped(
    script: str,
    limits: Limits,
    expected: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert outcome(script, limits, folder=tmp_path) == expected


def test_what_codes_are_called() -> None:
    assert [failure_result(code) for code in (1, -signal.SIGKILL)] == ["crashed", "crashed"]
    assert describe_exit(-signal.SIGKILL) == "ended by SIGKILL"
    assert describe_exit(-200) == "ended by signal 200"


def test_the_processes_below_one_and_the_memory_that_they_have() -> None:
    script = "import subprocess, sys\nsubprocess.Popen(['cat'], stdin=0)\n"
    script += f"print(flush=True)\n{WAIT}\n"
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout and parent.stdout.readline()
        found = list_processes(parent.pid, 10)
        assert found[0] == parent.pid and len(found) == 2
        assert list_processes(parent.pid, 0) == [parent.pid]
        taken = sum(map(resident_bytes, found))
        limits = Limits(memory=taken * 2)
        assert taken > 1 << 20 and find_exceeded_limit(parent.pid, limits, None) is None
        assert find_exceeded_limit(parent.pid, Limits(memory=taken // 2), None) == "memory"
        parent.kill()
        parent.wait()
        assert resident_bytes(parent.pid) == 0


def test_the_bytes_of_a_folder_are_those_on_the_disk(tmp_path: Path) -> None:
    """Folders below it count, holes in files do not, links are not followed."""
    (tmp_path / "inner").mkdir()
    before = folder_bytes(tmp_path, 1 << 40)
    (tmp_path / "inner" / "file").write_bytes(b"1" * 100_000)
    with (tmp_path / "holes").open("wb") as holes:
        holes.truncate(1 << 30)
    (tmp_path / "link").symlink_to("/usr")
    assert 100_000 <= folder_bytes(tmp_path, 1 << 40) - before < 200_000
    assert folder_bytes(tmp_path / "none", 0) == 0


def test_a_path_that_is_too_long_is_beyond_every_limit(tmp_path: Path) -> None:
    before = Path.cwd()
    try:
        os.chdir(tmp_path)
        for _ in range(20):
            Path("x" * 250).mkdir()
            os.chdir("x" * 250)
    finally:
        os.chdir(before)
    assert folder_bytes(tmp_path, 1 << 40) == (1 << 40) + 1


NAMELESS = """
import mmap, os, sys
mode = sys.argv[1]
if mode == "temporary":
    file = os.open(".", os.O_TMPFILE | os.O_RDWR)
else:
    file = os.open("file", os.O_CREAT | os.O_RDWR)
    os.unlink("file")
os.write(file, b"1" * 200_000)
if mode == "mapped":
    mapped = mmap.mmap(file, 0)
    os.close(file)
print(flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("mode", ["temporary", "unlinked", "mapped"])
def test_files_without_a_name_count(mode: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", NAMELESS, mode]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, cwd=tmp_path) as process:
        assert process.stdout and process.stdout.readline()
        assert folder_bytes(tmp_path, 1 << 40) == 0
        assert nameless_bytes([process.pid, process.pid], tmp_path) in range(200_000, 250_000)
        limits = Limits(disk=100_000)
        assert find_exceeded_limit(process.pid, limits, tmp_path) == "disk"
        process.kill()
    assert nameless_bytes([process.pid], tmp_path) == 0
