"""Landlock: what a process may still read and write once it has shut itself in."""

import json
import socket
from pathlib import Path

import pytest

from confined import child
from skips import missing_sandbox
from starcoder_cli.sandbox.detect import unavailable_reason
from starcoder_cli.sandbox.inside.landlock import (
    FILE_RIGHTS,
    READ_RIGHTS,
    RIGHT_COUNTS,
    SCOPES_SINCE,
    TCP_SINCE,
    landlock_version,
)
from starcoder_cli.sandbox.isolation import SandboxKind, readable_paths

BEFORE = """
import json, os, socket, subprocess, sys
from starcoder_cli.sandbox.inside.kernel import PR_SET_NO_NEW_PRIVS, prctl
from starcoder_cli.sandbox.inside.landlock import allow_only_paths, landlock_version

prctl(PR_SET_NO_NEW_PRIVS, 1)
readable, writable, port = json.loads(sys.argv[1])
allow_only_paths(readable, writable)
"""
DENIED = "Permission denied"


@pytest.fixture(autouse=True, scope="module")
def landlock() -> None:
    """Landlock has to work."""
    if reason := unavailable_reason(SandboxKind.LANDLOCK):
        pytest.skip(missing_sandbox(SandboxKind.LANDLOCK, reason))


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """A folder with files in three folders."""
    for name in ("read", "write", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("text")
    return tmp_path


def enclosed(script: str, folders: Path, port: int = 0) -> object:
    """What a script prints that may read one of the folders and write to another."""
    paths = [[*readable_paths(), str(folders / "read"), "/nowhere"], [str(folders / "write")], port]
    return child(BEFORE + script, json.dumps(paths), folder=folders)


def test_paths_are_what_they_were_allowed_to_be(folders: Path) -> None:
    script = """
print(json.dumps([
    [tried(lambda: open(f"{name}/file").close()) for name in ("read", "write", "other")],
    [tried(lambda: open(f"{name}/file", "a").close()) for name in ("read", "write", "other")],
    [tried(lambda: open(f"{name}/new", "w").close()) for name in ("read", "write", "other")],
    [tried(os.listdir, name) for name in ("read", "write", "other", ".")],
    [tried(os.unlink, f"{name}/file") for name in ("read", "write", "other")],
]))
"""
    assert enclosed(script, folders) == [
        ["done", "done", DENIED],
        [DENIED, "done", DENIED],
        [DENIED, "done", DENIED],
        ["done", "done", DENIED, DENIED],
        [DENIED, "done", DENIED],
    ]
    assert (folders / "other" / "file").read_text() == "text"


def test_programs_run_where_they_may_be_read_and_are_shut_in_too(folders: Path) -> None:
    script = """
command = ["/bin/sh", "-c", "cat read/file; cat other/file; echo a > other/new"]
done = subprocess.run(command, capture_output=True, text=True)
print(json.dumps([done.stdout, done.stderr.count("Permission denied")]))
"""
    assert enclosed(script, folders) == ["text", 2]
    assert not (folders / "other" / "new").exists()


def test_it_cannot_be_taken_back(folders: Path) -> None:
    script = """
allow_only_paths(["/"], ["/"])
print(json.dumps(tried(lambda: open("other/file").close())))
"""
    assert enclosed(script, folders) == DENIED


def test_there_are_no_connections_where_the_kernel_can_refuse_them(folders: Path) -> None:
    script = """
print(json.dumps(tried(socket.create_connection, ("127.0.0.1", port))))
"""
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = enclosed(script, folders, server.getsockname()[1])
    assert found == (DENIED if landlock_version() >= TCP_SINCE else "done")


def test_no_signal_reaches_what_is_outside_where_the_kernel_can_refuse_it(folders: Path) -> None:
    script = "print(json.dumps([tried(os.kill, who(), 0) for who in (os.getppid, os.getpid)]))"
    outside = "Operation not permitted" if landlock_version() >= SCOPES_SINCE else "done"
    assert enclosed(script, folders) == [outside, "done"]


def test_rights_are_those_that_each_version_of_the_kernel_knows() -> None:
    counts = list(RIGHT_COUNTS.values())
    assert counts == sorted(counts)
    assert 1 << counts[0] > READ_RIGHTS and 1 << counts[-1] > FILE_RIGHTS


def test_without_a_right_to_it_nobody_is_shut_in(folders: Path) -> None:
    """Only root may without `no_new_privs`, and what is refused is told."""
    script = BEFORE.replace("prctl(PR_SET_NO_NEW_PRIVS, 1)", "os.getuid() or os.setuid(65534)")
    script = script.replace("allow_only_paths(readable", "told = tried(allow_only_paths, readable")
    script += "print(json.dumps([told, tried(lambda: open('/etc/passwd').close())]))"
    for name in (folders, folders / "write"):
        name.chmod(0o755)
    assert child(script, json.dumps([[], [], 0]), folder=folders) == [
        "Operation not permitted",
        "done",
    ]
