"""What a sandbox shows: paths that are there, each once, and bubblewrap's words for them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from skips import missing_sandbox
from starcoder_cli.sandbox.detect import unavailable_reason
from starcoder_cli.sandbox.isolation import (
    SYSTEM_PATHS,
    WORK_FOLDER,
    SandboxKind,
    bubblewrap_command,
    find_bubblewrap,
    python_path,
    readable_paths,
)


@pytest.fixture(scope="module")
def bubblewrap() -> None:
    """Bubblewrap has to work."""
    if reason := unavailable_reason(SandboxKind.BUBBLEWRAP):
        pytest.skip(missing_sandbox(SandboxKind.BUBBLEWRAP, reason))


def test_the_best_kind_comes_first() -> None:
    assert list(SandboxKind) == ["bubblewrap", "landlock"]


def test_the_interpreter_is_a_file_and_no_link() -> None:
    path = Path(python_path())
    assert path.samefile(sys.executable) and path.is_absolute() and not path.is_symlink()


def test_only_paths_that_are_there_can_be_read_and_each_is_named_once(tmp_path: Path) -> None:
    folder = str(tmp_path)
    paths = readable_paths([folder, str(tmp_path / "none"), folder, "/usr"])
    assert paths[-1] == folder and len(paths) == len(set(paths))
    assert {"/usr", sys.base_prefix} <= set(paths) <= {*SYSTEM_PATHS, sys.base_prefix, folder}
    assert not {"/etc", "/home", "/root", "/"} & set(paths)


def test_links_stay_links_and_the_folders_above_a_path_are_made(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "link").symlink_to("tools")
    command = bubblewrap_command([str(tmp_path / "tools"), str(tmp_path / "link")], 4096)
    text = " ".join(command)
    assert f"--ro-bind {tmp_path}/tools {tmp_path}/tools" in text
    assert f"--symlink tools {tmp_path}/link" in text
    made = [command[at + 1] for at, word in enumerate(command) if word == "--dir"]
    assert made == [str(parent) for parent in (tmp_path / "tools").parents[-2::-1]]
    assert command[0] == (find_bubblewrap() or "bwrap") and command[-1] == "--"


def test_a_user_gets_a_namespace_and_root_the_means_to_become_a_user() -> None:
    command = bubblewrap_command(["/usr"], 4096)
    added = [command[at + 1] for at, word in enumerate(command) if word == "--cap-add"]
    assert command[command.index("--cap-drop") + 1] == "ALL"
    assert ("--unshare-user" in command) == bool(os.getuid())
    assert added == ([] if os.getuid() else ["CAP_SETUID", "CAP_SETGID", "CAP_CHOWN", "CAP_KILL"])


SCRIPT = """
ls -d /tmp /sys /boot /etc/passwd 2>/dev/null
pwd
touch /usr/file /file /dev/file 2>/dev/null && echo written
head -c 1000 /dev/zero > small && echo small
head -c 20000 /dev/zero 2>/dev/null > large || echo full
ls /proc | grep -c '^[0-9]*$'
cat /proc/net/dev | grep -c : | head -1
"""


@pytest.mark.usefixtures("bubblewrap")
def test_inside_there_is_nothing_of_the_user_no_network_and_little_room() -> None:
    """The processes are bubblewrap's first, the shell, `ls` and `grep`; the device is `lo`."""
    command = bubblewrap_command(readable_paths(), 8192)
    done = subprocess.run(
        [*command, "/bin/sh", "-c", SCRIPT], capture_output=True, text=True, check=False
    )
    *lines, processes, devices = done.stdout.splitlines()
    assert lines == [WORK_FOLDER, "small", "full"]
    assert 2 <= int(processes) <= 5
    assert devices == "1"


def test_bubblewrap_is_started_where_it_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in a folder of the user's, which no sandboxed program looks into."""
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert bubblewrap_command(["/usr"], 4096)[0] == find_bubblewrap() == str(program)
    monkeypatch.setenv("PATH", ".")
    monkeypatch.chdir(tmp_path)
    assert find_bubblewrap() is None
    program.unlink()
    assert find_bubblewrap() is None
