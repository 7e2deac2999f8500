"""Where the server is, where its place is bad, and whom `stop` may kill."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from starcoder_cli import server
from starcoder_cli.net import daemon
from starcoder_cli.net.sockets import Peer

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs unix sockets")


@pytest.fixture
def stranger() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that is no server."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as child:
        yield child
        child.kill()


@pytest.mark.parametrize("numbers", [(1, 0), (1, 2), (0, 0)])
def test_a_number_that_has_gone_to_another_process_is_not_killed(
    numbers: tuple[int, int], stranger: "subprocess.Popen[bytes]"
) -> None:
    """The server has ended between two looks, or another has its socket now."""
    answers = iter(stranger.pid if number == 1 else number for number in numbers)
    daemon.kill_server(Path("/nowhere"), lambda path: Peer(0, next(answers)))
    with pytest.raises(subprocess.TimeoutExpired):
        stranger.wait(0.3)


def test_nothing_is_killed_where_nobody_listens(tmp_path: Path) -> None:
    daemon.kill_server(tmp_path / "socket")


def test_a_folder_below_a_file_has_no_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "file"))
    assert (daemon.find_socket(), daemon.is_server_running()) == (None, False)


def test_times_are_those_of_a_clock_that_never_jumps() -> None:
    """What is set, and a summer time that begins, moves the other one, which answers may tell."""
    files = [Path(daemon.__file__), *Path(server.__file__).parent.glob("*.py")]
    # Since when there are models, and when an answer was made.
    told = {"http_routes.py": 1, "http_answers.py": 1}
    found = {file.name: file.read_text().count("time.time(") for file in files}
    assert {name: times for name, times in found.items() if times} == told
