"""Root becomes a user that has nothing, and gives up every capability that it does not need."""

import os
import threading
from pathlib import Path

import pytest

from confined import child
from starcoder_cli.sandbox.inside.identity import (
    CAP_DAC_READ_SEARCH,
    count_tasks,
    permitted_capabilities,
)

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
USER = 0x70000001
SCRIPT = """
import json, os, sys
from starcoder_cli.sandbox.inside.identity import (
    permitted_capabilities, set_capabilities, switch_user,
)

def capabilities(name):
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1], 16) for line in lines if line.startswith(name))
"""


@needs_root
def test_root_becomes_the_user_and_cannot_go_back(tmp_path: Path) -> None:
    """It has no groups, and of root's capabilities that of reading alone, which programs get too.

    Whether it had that one depends on where the tests run.
    """
    script = f"""
had = permitted_capabilities() >> {CAP_DAC_READ_SEARCH} & 1
switch_user({USER})
kept = [capabilities(name) for name in ("CapPrm:", "CapEff:", "CapInh:", "CapAmb:")]
print(json.dumps([
    os.getresuid() + os.getresgid(), os.getgroups(), kept == [had << {CAP_DAC_READ_SEARCH}] * 4,
    tried(os.setuid, 0), tried(os.setgid, 0), tried(os.chown, ".", 0, 0),
    tried(lambda: open("file", "w").close()),
]))
"""
    (tmp_path / "file").write_text("")
    refused = "Operation not permitted"
    assert child(SCRIPT + script, folder=tmp_path) == [
        *([USER] * 6, [], True),
        *(refused, refused, refused, "Permission denied"),
    ]


def test_without_a_user_only_the_capabilities_go() -> None:
    script = """
before = os.getresuid()
switch_user(None)
print(json.dumps([os.getresuid() == before, permitted_capabilities(), capabilities("CapEff:")]))
"""
    assert child(SCRIPT + script) == [True, 0, 0]


@needs_root
def test_capabilities_are_what_is_asked_for_and_never_more() -> None:
    script = """
CHOWN, KILL = 1 << 0, 1 << 5
set_capabilities(CHOWN | KILL)
first = permitted_capabilities() == capabilities("CapEff:") == CHOWN | KILL
set_capabilities(KILL)
print(json.dumps([first, permitted_capabilities() == KILL, tried(set_capabilities, CHOWN)]))
"""
    assert child(SCRIPT + script) == [True, True, "Operation not permitted"]


def test_the_capabilities_of_this_process_are_those_of_the_system() -> None:
    told = Path("/proc/self/status").read_text()
    assert f"CapPrm:\t{permitted_capabilities():016x}\n" in told


def test_threads_count_as_tasks() -> None:
    """Other tests have processes that come and go; these are of a user that has no others."""
    script = """
import threading
from starcoder_cli.sandbox.inside.identity import count_tasks
over = threading.Event()
threads = [threading.Thread(target=over.wait) for _ in range(5)]
before = count_tasks(os.getuid())
for thread in threads:
    thread.start()
after = count_tasks(os.getuid())
over.set()
print(json.dumps([before, after]))
"""
    if os.getuid() == 0:
        user = f"os.setuid({USER + os.getpid() % 4096})\n"
        assert child(SCRIPT + user + script) == [1, 6]
    assert count_tasks(os.getuid()) >= threading.active_count()
    assert count_tasks(USER - 1) == 0
