"""`starcoder stop`: the server ends, and nothing but its lock's file stays."""

import sys
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from processes import COMMAND
from serving import runtime
from starcoder_cli.cli import main
from starcoder_cli.net.daemon import SERVER_LOCK, SERVER_SOCKET, lock_server_folder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs unix sockets")
__all__ = ["runtime"]


def test_without_a_server_there_is_nothing_to_end(
    runtime: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["stop"]) == 0
    assert capfd.readouterr() == ("", "no server is running\n")
    assert not runtime.exists()


def test_a_server_ends_and_says_so_once(runtime: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with Popen([*COMMAND, "serve"], stderr=PIPE) as server:
        assert server.stderr and server.stderr.readline() == b"serving; Ctrl-C ends it\n"
        assert main(["stop"]) == 0
        assert server.wait(30) == 0
        assert server.stderr.read() == b""
    assert capfd.readouterr() == ("", "the server has ended\n")
    assert [path.name for path in runtime.iterdir()] == [SERVER_LOCK]
    assert main(["stop"]) == 0
    assert capfd.readouterr() == ("", "no server is running\n")


def test_a_socket_that_a_server_left_behind_is_no_server(
    runtime: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with Popen([*COMMAND, "serve"], stderr=PIPE) as server:
        assert server.stderr and server.stderr.readline()
        server.kill()
    assert (runtime / SERVER_SOCKET).exists()
    assert main(["stop"]) == 0
    assert capfd.readouterr() == ("", "no server is running\n")
    with lock_server_folder(runtime):
        pass


def test_a_place_that_others_can_enter_is_refused(
    runtime: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    runtime.mkdir()
    runtime.chmod(0o755)
    assert main(["stop"]) == 77
    assert capfd.readouterr() == (
        "",
        f"error: {runtime} is not a folder that only you can enter; "
        "remove it, or use --no-server\n",
    )
