"""Commands in a sandbox: their files, their input, their end, and nothing that outlives them."""

import os
import signal

import pytest

import leftovers
from confined import child, run_commands
from starcoder_cli.sandbox.isolation import SandboxKind

pytestmark = pytest.mark.usefixtures("rung")


def test_steps_run_one_by_one_in_one_folder(rung: SandboxKind) -> None:
    ran = run_commands(rung, "cat a.txt > b.txt", "cat b.txt; echo error >&2", files={"a.txt": "ä"})
    assert (ran.codes, ran.output) == ([0, 0], "äerror\n")


def test_the_first_step_that_fails_is_the_last(rung: SandboxKind) -> None:
    ran = run_commands(rung, "echo one", "echo two; exit 7", "echo three")
    assert (ran.codes, ran.output) == ([0, 7], "one\ntwo\n")


def test_every_step_has_the_input_to_itself(rung: SandboxKind) -> None:
    ran = run_commands(rung, "cat", "cat", given="nonce ")
    assert (ran.codes, ran.output) == ([0, 0], "nonce nonce ")


def test_a_signal_is_a_negative_code(rung: SandboxKind) -> None:
    assert run_commands(rung, "kill -SEGV $$").codes == [-signal.SIGSEGV]


def test_a_command_has_no_files_open_but_its_three(rung: SandboxKind) -> None:
    """So it can say nothing on the pipe on which codes are told."""
    ran = run_commands(
        rung,
        "for n in 3 4 5 6 7 8 9; do (echo 0 >&$n) 2>/dev/null && echo $n is open; done; exit 9",
    )
    assert (ran.codes, ran.output) == ([9], "")


def test_what_a_step_leaves_running_is_gone_before_the_next(rung: SandboxKind) -> None:
    """Also what does not want to hear of it, or wants to be of another session."""
    mark = f"603.{os.getpid()}{rung == SandboxKind.LANDLOCK:d}"
    deaf = "(trap '' TERM HUP; while :; do echo x >> log; sleep 0.01; done) & sleep 0.1"
    ran = run_commands(
        rung,
        f"{deaf}; (setsid sleep {mark} &) 2>/dev/null; sleep {mark} & echo done",
        "before=$(wc -c < log); sleep 0.2; test $before = $(wc -c < log)",
    )
    assert (ran.codes, ran.output) == ([0, 0], "done\n")
    assert leftovers.processes(mark) == []


STEP = """
import json, os, sys
from starcoder_cli.sandbox.inside.commands import run_step
rules = {
    "seconds": 9.0, "memory": 1 << 30, "reserves": False, "processes": 64, "user": None,
    "shared": True, "disk": 1 << 20, "readable": ["/"], "writable": ["/dev/null"], "denied": [],
    "landlock": False,
}
read_end, write_end = os.pipe()
code = run_step({"command": sys.argv[1:], "input": "", "confinement": rules}, write_end)
os.close(write_end)
print(json.dumps([code, os.read(read_end, 1000).decode()]))
"""


def test_a_command_that_cannot_be_started_says_so() -> None:
    told = "cannot run /nowhere/tool: [Errno 2] No such file or directory: '/nowhere/tool'\n"
    found = child(STEP, "/nowhere/tool")
    assert found in ([127, told], [127, told.replace(": '/nowhere/tool'", "")])


def test_a_step_is_run_outside_of_a_sandbox_the_same() -> None:
    assert child(STEP, "/bin/sh", "-c", "echo a; exit 3") == [3, "a\n"]
