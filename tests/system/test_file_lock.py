"""Locks on files: one holder at a time, gone with its process, and never behind a link."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from starcoder_cli.system.file_lock import hold_lock, try_lock

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs flock")

HOLDER = """\
import sys
from pathlib import Path
from starcoder_cli.system.file_lock import hold_lock

with hold_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lock_has_one_holder_until_it_is_let_go(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with hold_lock(path):
        with pytest.raises(TimeoutError) as caught, hold_lock(path, 0.05):
            raise AssertionError("two hold it")
        assert str(caught.value) == f"another process holds {path}"
    with hold_lock(path):
        pass


def test_a_lock_is_let_go_where_its_body_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), hold_lock(tmp_path / "lock"):
        raise ZeroDivisionError
    with hold_lock(tmp_path / "lock"):
        pass


def test_whoever_waits_for_ever_gets_it_after_the_holder(tmp_path: Path) -> None:
    events = []

    def wait() -> None:
        with hold_lock(tmp_path / "lock", None):
            events.append("taken")

    with hold_lock(tmp_path / "lock"):
        waiting = threading.Thread(target=wait)
        waiting.start()
        waiting.join(0.05)
        events.append("let go")
    waiting.join()
    assert events == ["let go", "taken"]


def test_a_lock_goes_with_a_process_that_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout and holder.stdout.readline() == b"held\n"
        with pytest.raises(TimeoutError), hold_lock(path):
            raise AssertionError("two hold it")
        holder.kill()
        with hold_lock(path, 60.0):
            pass


def test_a_file_is_made_for_its_owner_alone_and_one_that_is_there_stays(tmp_path: Path) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    old.write_bytes(b"contents")
    with hold_lock(new), hold_lock(old):
        pass
    assert (new.stat().st_mode & 0o777, old.read_bytes()) == (0o600, b"contents")


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError), hold_lock(tmp_path / "link"):
        raise AssertionError("it was followed")
    assert not (tmp_path / "elsewhere").exists()
    with pytest.raises(FileNotFoundError), hold_lock(tmp_path / "none" / "lock"):
        raise AssertionError("it was made")


def test_a_lock_holds_until_its_descriptor_is_closed(tmp_path: Path) -> None:
    first, second = (os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT) for _ in range(2))
    assert (try_lock(first), try_lock(first), try_lock(second)) == (True, True, False)
    os.close(first)
    assert try_lock(second)
    os.close(second)
