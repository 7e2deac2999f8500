"""The filter of system calls: its program is run here, instruction by instruction, and for real.

The machine below knows the instructions of Linux's filters that the program is made of.
"""

import errno
import json
import os
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from confined import child
from starcoder_cli.sandbox.inside.kernel import (
    PR_SET_DUMPABLE,
    PR_SET_PDEATHSIG,
    detect_architecture,
)
from starcoder_cli.sandbox.inside.seccomp import (
    ALLOW,
    ALWAYS_DENIED,
    AUDIT_ARCHITECTURES,
    CLONE,
    DENIABLE_GROUPS,
    FAIL,
    KILL,
    NAMESPACE_FLAGS,
    NEWEST_SYSCALL,
    PRCTL,
    PRLIMIT64,
    REPORTED_MISSING,
    SOCKETPAIR,
    UTIMENSAT,
    SyscallTable,
    build_filter,
    instruction,
    match_syscall,
)

MACHINE = detect_architecture()
COLUMN = list(AUDIT_ARCHITECTURES).index(MACHINE)
EVERYTHING = frozenset(DENIABLE_GROUPS)
REFUSED, MISSING = FAIL | errno.EPERM, FAIL | errno.ENOSYS
CLONE_THREAD, CLONE_NEWUSER, SIGCHLD = 0x00010000, 0x10000000, 17
STREAM, DATAGRAM, SEQUENCE, CLOSE_ON_EXEC = 1, 2, 5, 0o2000000
ORDINARY = {"x86_64": (0, 1, 2, 9, 59, 231), "aarch64": (63, 64, 56, 222, 221, 94)}


def decide(denied: frozenset[str], number: int, *arguments: int, machine: str = MACHINE) -> int:
    """What the filter says about a system call."""
    words = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    data = struct.pack("=IIQ6Q", number, AUDIT_ARCHITECTURES[machine], 0, *words)
    program = list(struct.iter_unpack("=HBBI", build_filter(denied)))
    register = at = 0
    while True:
        code, when_true, when_false, value = program[at]
        at += 1
        if code == 0x06:  # BPF_RET | BPF_K
            return int(value)
        if code == 0x20:  # BPF_LD | BPF_W | BPF_ABS
            (register,) = struct.unpack_from("=I", data, value)
        elif code == 0x54:  # BPF_ALU | BPF_AND | BPF_K
            register &= value
        else:  # BPF_JMP with BPF_JEQ, BPF_JGT or BPF_JSET, | BPF_K
            holds = {0x15: register == value, 0x25: register > value, 0x45: register & value != 0}
            at += when_true if holds[code] else when_false


def numbers(*tables: SyscallTable) -> set[int]:
    """The numbers of the calls in some tables on this machine."""
    rows = [row for table in tables for row in table.values()]
    return {number for row in rows if (number := row[COLUMN]) is not None}


SPECIAL = {table[COLUMN] for table in (CLONE, SOCKETPAIR, PRLIMIT64, PRCTL, UTIMENSAT)}
denials = st.frozensets(st.sampled_from(sorted(DENIABLE_GROUPS)))


@given(denials, st.integers(0, (1 << 32) - 1))
@settings(deadline=None)
def test_a_call_is_refused_missing_or_allowed_as_the_tables_say(
    denied: frozenset[str], number: int
) -> None:
    refused = numbers(ALWAYS_DENIED, *(DENIABLE_GROUPS[name] for name in denied))
    missing = number > NEWEST_SYSCALL or number in numbers(REPORTED_MISSING)
    expected = MISSING if missing else REFUSED if number in refused else ALLOW
    if number not in SPECIAL:
        assert decide(denied, number) == expected


@pytest.mark.parametrize("denied", [frozenset(), EVERYTHING])
def test_every_call_that_the_kernel_may_have_is_decided_on(denied: frozenset[str]) -> None:
    refused = numbers(ALWAYS_DENIED, *(DENIABLE_GROUPS[name] for name in denied))
    missing = numbers(REPORTED_MISSING)
    ordinary = set(range(NEWEST_SYSCALL + 2)) - SPECIAL
    found = {number: decide(denied, number) for number in ordinary}
    assert {number for number, action in found.items() if action == REFUSED} == refused
    assert {number for number, action in found.items() if action == MISSING} == {
        *(missing - SPECIAL),
        NEWEST_SYSCALL + 1,
    }


@pytest.mark.parametrize("number", ORDINARY[MACHINE])
def test_what_every_program_does_is_allowed(number: int) -> None:
    assert decide(EVERYTHING, number) == ALLOW


def test_calls_of_another_machine_end_the_process() -> None:
    """As of a 32-bit program, whose numbers mean something else."""
    (other,) = AUDIT_ARCHITECTURES.keys() - {MACHINE}
    for number in (*ORDINARY[MACHINE], NEWEST_SYSCALL + 1):
        assert decide(frozenset(), number, machine=other) == KILL


@pytest.mark.parametrize(
    ("denied", "flags", "action"),
    [
        (frozenset(), SIGCHLD, ALLOW),
        (frozenset(), CLONE_THREAD, ALLOW),
        (frozenset(), SIGCHLD | CLONE_NEWUSER, REFUSED),
        (frozenset(), CLONE_THREAD | CLONE_NEWUSER, REFUSED),
        (frozenset({"processes"}), SIGCHLD, REFUSED),
        (frozenset({"processes"}), CLONE_THREAD, ALLOW),
        (frozenset({"processes"}), CLONE_THREAD | CLONE_NEWUSER, REFUSED),
    ],
)
def test_a_clone_is_a_thread_or_a_process_and_never_a_namespace(
    denied: frozenset[str], flags: int, action: int
) -> None:
    assert decide(denied, CLONE[COLUMN], flags) == action
    assert NAMESPACE_FLAGS & CLONE_THREAD == 0


@pytest.mark.parametrize(
    ("kind", "action"),
    [(STREAM, ALLOW), (SEQUENCE, ALLOW), (DATAGRAM, REFUSED), (3, REFUSED), (0, REFUSED)],
)
def test_a_pair_of_sockets_sends_nothing_to_others(kind: int, action: int) -> None:
    for flags in (0, CLOSE_ON_EXEC):
        assert decide(frozenset(), SOCKETPAIR[COLUMN], 1, kind | flags) == action


def test_limits_are_set_for_oneself_alone() -> None:
    for process, action in ((0, ALLOW), (1, REFUSED), (os.getpid(), REFUSED)):
        assert decide(frozenset(), PRLIMIT64[COLUMN], process) == action


def test_a_process_hides_nothing_from_who_counts_its_files() -> None:
    for option, action in ((PR_SET_DUMPABLE, REFUSED), (PR_SET_PDEATHSIG, ALLOW)):
        assert decide(frozenset(), PRCTL[COLUMN], option, 0) == action


@pytest.mark.parametrize(
    ("path", "times", "action"),
    [
        (0, 0, ALLOW),
        (1, 0, REFUSED),
        (0, 1, REFUSED),
        (1 << 32, 0, REFUSED),
        (0, 1 << 32, REFUSED),
        ((1 << 64) - 1, 0, REFUSED),
    ],
)
def test_only_an_open_file_is_touched(path: int, times: int, action: int) -> None:
    """A pointer is null in both of its halves, or it is none."""
    assert decide(frozenset({"attributes"}), UTIMENSAT[COLUMN], 3, path, times) == action
    assert decide(frozenset(), UTIMENSAT[COLUMN], 3, path, times) == ALLOW


def test_an_instruction_is_eight_bytes_and_a_filter_is_not_too_long() -> None:
    assert instruction(0x15, 7, 1, 2) == bytes([0x15, 0, 1, 2, 7, 0, 0, 0])
    assert match_syscall(7, instruction(6, 1)) == instruction(0x15, 7, 0, 1) + instruction(6, 1)
    assert match_syscall(7, b"1" * 16, b"2" * 8)[:8] == instruction(0x15, 7, 0, 3)
    assert len(build_filter(EVERYTHING)) // 8 < 4096


def test_each_call_has_one_number_on_each_machine() -> None:
    tables = (ALWAYS_DENIED, REPORTED_MISSING, *DENIABLE_GROUPS.values())
    rows = [row for table in tables for row in table.values()]
    for column in range(2):
        known = [number for row in rows if (number := row[column]) is not None]
        assert len(known) == len(set(known)) and max(known) <= NEWEST_SYSCALL


TRIED = """
import ctypes, fcntl, json, os, signal, socket, sys, threading
from starcoder_cli.sandbox.inside.kernel import PR_SET_NO_NEW_PRIVS, prctl
from starcoder_cli.sandbox.inside.seccomp import install_filter

def fork():
    if os.fork() == 0:
        os._exit(0)
    os.wait()

def touch():
    with open("touched", "w") as file:
        if ctypes.CDLL(None, use_errno=True).futimens(file.fileno(), None):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

prctl(PR_SET_NO_NEW_PRIVS, 1)
open("file", "w").close()
install_filter(frozenset(json.loads(sys.argv[1])))
print(json.dumps([
    tried(socket.socket), tried(os.setsid), tried(os.unlink, "file"), tried(socket.socketpair),
    tried(os.chmod, ".", 0o755), tried(fork), tried(os.kill, os.getpid(), 0),
    tried(os.pidfd_open, os.getpid()), tried(os.utime, "."), tried(touch),
    tried(signal.pthread_kill, threading.get_ident(), 0),
    tried(fcntl.fcntl, 0, fcntl.F_SETOWN, os.getpid()), tried(fcntl.fcntl, 0, fcntl.F_GETFL),
]))
"""


@pytest.mark.parametrize("denied", [[], ["attributes"], ["signals"], ["processes"]])
def test_the_kernel_does_what_the_filter_says(denied: list[str], tmp_path: Path) -> None:
    refused, absent = os.strerror(errno.EPERM), os.strerror(errno.ENOSYS)
    names = ("attributes", "processes", "signals")
    groups = [refused if name in denied else "done" for name in names]
    assert child(TRIED, json.dumps(denied), folder=tmp_path) == [
        *(refused, refused, "done", "done"),
        *groups,
        *(absent, groups[0], "done"),
        *(groups[2], groups[2], "done"),
    ]
