"""The end of a server that can answer, and of one that cannot."""

import os
import signal
import sys
from pathlib import Path

import pytest

from serving import ask, gone, process, runtime, tiny_file
from starcoder_cli.app.stop_server import stop_server
from starcoder_cli.errors import BusyError
from starcoder_cli.net import daemon
from starcoder_cli.system.file_lock import hold_lock

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs unix sockets")
__all__ = ["runtime", "tiny_file"]


def test_a_server_ends(runtime: Path, tiny_file: Path) -> None:
    ask(tiny_file)
    number = process(runtime)
    stop_server(runtime / daemon.SERVER_SOCKET)
    assert gone(number)
    assert daemon.find_socket() is None


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_server_that_does_not_answer_is_killed(runtime: Path, tiny_file: Path) -> None:
    ask(tiny_file)
    number = process(runtime)
    os.kill(number, signal.SIGSTOP)
    stop_server(runtime / daemon.SERVER_SOCKET, answer_seconds=0.3, end_seconds=1.0)
    assert gone(number)


def test_what_holds_the_lock_without_a_socket_is_told(runtime: Path) -> None:
    """Nothing tells which process that is, so that none is killed."""
    runtime.mkdir(mode=0o700)
    with (
        hold_lock(runtime / daemon.SERVER_LOCK),
        pytest.raises(BusyError, match="^the server has not ended yet; run this again"),
    ):
        stop_server(runtime / daemon.SERVER_SOCKET, end_seconds=0.1)
