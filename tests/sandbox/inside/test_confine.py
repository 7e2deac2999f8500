"""What a process has given up once it is confined: limits, privileges, paths and calls."""

import json
import os
from pathlib import Path
from typing import cast

import pytest

from confined import child
from skips import missing_sandbox
from starcoder_cli.sandbox.detect import unavailable_reason
from starcoder_cli.sandbox.inside.confine import MAX_OPEN_FILES, Confinement
from starcoder_cli.sandbox.isolation import SandboxKind, readable_paths

SCRIPT = """
import json, os, resource, signal, socket, sys
from starcoder_cli.sandbox.inside.confine import confine
from starcoder_cli.sandbox.inside.identity import count_tasks
from starcoder_cli.sandbox.inside.kernel import prctl

def limit(name):
    soft, hard = resource.getrlimit(getattr(resource, "RLIMIT_" + name))
    assert soft == hard
    return soft

tasks = count_tasks(os.getuid())
confine(json.loads(sys.argv[1]))
"""
RULES = Confinement(
    seconds=2.5,
    memory=1 << 30,
    reserves=False,
    processes=64,
    user=None,
    shared=False,
    disk=1 << 20,
    readable=["/"],
    writable=["/dev/null"],
    denied=["processes"],
    landlock=False,
)
LIMITS = 'print(json.dumps([limit(name) for name in ("CPU", "FSIZE", "NOFILE", "CORE")]))'


def changed(**changes: object) -> Confinement:
    """The rules but for some of them."""
    return cast(Confinement, {**RULES, **changes})


def confined(script: str, rules: Confinement, folder: Path | None = None) -> object:
    """What a script prints in a process that has confined itself."""
    return child(SCRIPT + script, json.dumps(rules), folder=folder)


def test_limits_hold_for_good() -> None:
    """Whole seconds of the processor, one more than there are on the clock."""
    assert confined(LIMITS, RULES) == [4, 1 << 20, MAX_OPEN_FILES, 0]


@pytest.mark.parametrize(("reserves", "limited"), [(False, "AS"), (True, "DATA")])
def test_memory_is_what_is_asked_for_or_what_is_used(reserves: bool, limited: str) -> None:
    script = """
limits = {name: getattr(resource, "RLIMIT_" + name) for name in ("AS", "DATA")}
found = {name: resource.getrlimit(number)[0] for name, number in limits.items()}
print(json.dumps([name for name in found if found[name] == 1 << 30]))
"""
    assert confined(script, changed(reserves=reserves)) == [limited]


def test_a_limit_that_was_lower_stays() -> None:
    lower = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (7, 7))\n"
    found = child(f"{lower}{SCRIPT}{LIMITS}", json.dumps(RULES))
    assert found == [4, 7, MAX_OPEN_FILES, 0]


def test_processes_are_counted_with_those_that_the_user_has() -> None:
    """Where there may be none there is no limit to set."""
    script = "print(json.dumps([limit('NPROC') - tasks if shared else limit('NPROC')]))"
    for shared, lowest, highest in ((False, 64, 64), (True, 0, 4096)):
        rules = changed(shared=shared, denied=[])
        found = confined(f"shared = {shared}\n{script}", rules)
        assert isinstance(found, list)
        assert lowest <= found[0] <= highest


def test_what_is_given_up_is_given_up_for_children_too(tmp_path: Path) -> None:
    """New privileges, the network, other modes than the user's own, and the parent's leave."""
    script = """
import ctypes
number = ctypes.c_int()
prctl(2, ctypes.addressof(number))
print(json.dumps([
    prctl(39), number.value == signal.SIGKILL, os.umask(0), tried(socket.socket),
    tried(os.fork), open("/proc/self/status").read().count("CapEff:\\t0000000000000000"),
]))
"""
    refused = "Operation not permitted"
    assert confined(script, RULES, tmp_path) == [1, True, 0o077, refused, refused, 1]


def test_paths_are_guarded_where_nothing_else_does(tmp_path: Path) -> None:
    if reason := unavailable_reason(SandboxKind.LANDLOCK):
        pytest.skip(missing_sandbox(SandboxKind.LANDLOCK, reason))
    script = """
print(json.dumps([
    tried(lambda: open(name, "w").close()) for name in ("in/file", "out", "/dev/null")
] + [tried(os.listdir, "/etc"), tried(os.chmod, "in", 0o700)]))
"""
    (tmp_path / "in").mkdir()
    rules = changed(
        readable=readable_paths(),
        writable=["/dev/null", str(tmp_path / "in")],
        denied=["processes", "attributes"],
        landlock=True,
    )
    denied = "Permission denied"
    assert confined(script, rules, tmp_path) == [
        *("done", denied, "done", denied),
        "Operation not permitted",
    ]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_root_becomes_the_user_that_is_named() -> None:
    script = "print(json.dumps(os.getresuid()))"
    assert confined(script, changed(user=0x70000002)) == [0x70000002] * 3
