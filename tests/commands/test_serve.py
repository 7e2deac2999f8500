"""`serve`, `ps` and `stop`: the server by hand."""

import json
import os
import shlex
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from processes import COMMAND, start, terminal
from serving import ask, command, gone, held, process, runtime, tiny_file, until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs unix sockets")
__all__ = ["runtime", "tiny_file"]


@pytest.fixture
def server(runtime: Path) -> Iterator["Popen[bytes]"]:
    """A server in the foreground, which listens."""
    with Popen([*COMMAND, "serve"], stderr=PIPE) as child:
        assert child.stderr and child.stderr.readline() == b"serving; Ctrl-C ends it\n"
        yield child
        child.terminate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it(number: int, server: "Popen[bytes]", runtime: Path) -> None:
    server.send_signal(number)
    _, errors = server.communicate(timeout=30)
    assert (server.returncode, errors) == (-number, b"")
    assert sorted(path.name for path in runtime.iterdir()) == ["server.lock"]


def test_there_is_one(server: "Popen[bytes]", runtime: Path, tiny_file: Path) -> None:
    second = command("serve")
    assert second.returncode == 75
    message = "error: a server is running already; see it with: starcoder ps\n"
    assert second.stderr == message
    assert not any("server keeps" in ask(tiny_file).stderr for _ in range(2))
    assert held()[0]["answers"] == 2
    assert command("stop").stderr == "the server has ended\n"
    assert server.wait(30) == 0


def test_without_one(runtime: Path) -> None:
    for word in ("ps", "stop"):
        done = command(word)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "no server is running\n")
    assert not runtime.exists()


def test_what_is_held_is_shown(server: "Popen[bytes]", tiny_file: Path) -> None:
    empty = command("ps")
    assert (empty.stdout, empty.stderr) == ("", "the server has no model loaded\n")
    ask(tiny_file)
    cells = command("ps").stdout.rstrip("\n").split("\t")
    assert cells[:3] == [str(tiny_file), "llama.cpp", "2048"]
    assert cells[5:7] == ["in 5 min", "1"]
    shown = terminal("ps", columns=200).lines
    assert shown[0].split() == ["name", "engine", "window", "size", "loaded", "unloads", "answers"]
    ask(tiny_file, "--keep-alive", "-1")
    assert command("ps").stdout.split("\t")[5] == "never"
    assert held()[0]["until"] is None


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_it_leaves_with_its_last_model(runtime: Path, tiny_file: Path) -> None:
    ask(tiny_file, "--keep-alive", "1s")
    number = process(runtime)
    assert until(lambda: gone(number), 30)
    assert command("ps").stderr == "no server is running\n"


def test_in_the_foreground_it_stays_without_a_model(
    server: "Popen[bytes]", tiny_file: Path
) -> None:
    ask(tiny_file, "--keep-alive", "0.1s")
    assert until(lambda: not held(), 30)
    assert server.poll() is None


def asking(tiny_file: Path, tokens: int = 900) -> "Popen[bytes]":
    """A command that has its first token from a server."""
    words = ("-m", str(tiny_file), "--keep-alive", "5m", "--max-tokens", str(tokens))
    child = start("complete", "-", *words)
    assert child.stdin and child.stdout
    child.stdin.write(b"def f(x):\n")
    child.stdin.close()
    child.stdin = None
    return child


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_answers_end_before_it_does(
    number: int, server: "Popen[bytes]", runtime: Path, tiny_file: Path
) -> None:
    with asking(tiny_file) as child:
        whole, _ = child.communicate(timeout=60)
    with asking(tiny_file) as child:
        assert child.stdout
        first = child.stdout.read(1)
        server.send_signal(number)
        rest = child.stdout.read()
    assert (child.returncode, first + rest) == (0, whole)
    assert server.wait(30) == -number


@pytest.mark.parametrize("way", ["stop", "signal", "time"])
def test_nothing_is_left_behind(
    way: str, runtime: Path, tiny_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No process, no socket, no folder among temporary files: the lock's file alone stays."""
    folder = runtime.parent / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    ask(tiny_file, "--keep-alive", "1s" if way == "time" else "5m")
    number = process(runtime)
    assert list(folder.iterdir())
    if way == "stop":
        assert command("stop").returncode == 0
    elif way == "signal":
        os.kill(number, signal.SIGTERM)
    assert until(lambda: gone(number), 30)
    assert list(folder.iterdir()) == []
    assert [path.name for path in runtime.iterdir()] == ["server.lock"]


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_few_descriptors_are_an_error_and_no_work(runtime: Path, tiny_file: Path) -> None:
    """Connections that it has no descriptor for wait; it does not turn in circles meanwhile."""
    limit = "ulimit -n 16; exec "
    with Popen(["sh", "-c", limit + shlex.join([*COMMAND, "serve"])], stderr=PIPE) as child:
        assert child.stderr and child.stderr.readline() == b"serving; Ctrl-C ends it\n"
        idle = [socket.socket(socket.AF_UNIX) for _ in range(24)]
        for connection in idle:
            connection.connect(str(runtime / "server.sock"))
        before = processor_seconds(child.pid)
        time.sleep(2)
        assert processor_seconds(child.pid) - before < 0.5
        for connection in idle:
            connection.close()
        done = ask(tiny_file)
        assert done.returncode in (0, 69, 70, 71, 74), done.stderr
        assert "Traceback" not in done.stderr
        child.terminate()
        assert child.wait(30) == -signal.SIGTERM


def processor_seconds(number: int) -> float:
    """How long a process has run on the processor."""
    fields = Path(f"/proc/{number}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_ctrl_c_while_others_are_served(runtime: Path, tiny_file: Path) -> None:
    program = "from starcoder_cli.server import model_pool\nmodel_pool.MAX_SLOTS = 1\n"
    program += "from starcoder_cli.__main__ import run\nimport sys\nsys.argv[1:] = ['serve']\nrun()"
    with Popen([sys.executable, "-c", program], stderr=PIPE) as server:
        assert server.stderr and server.stderr.readline() == b"serving; Ctrl-C ends it\n"
        with asking(tiny_file, 1900) as first:
            assert first.stdout and first.stdout.read(1)
            with asking(tiny_file) as second:
                assert until(lambda: held()[0]["busy"] == 2)
                second.send_signal(signal.SIGINT)
                assert second.communicate(timeout=30)[0] == b""
            assert second.returncode == -signal.SIGINT
            assert first.stdout.read()
        assert first.returncode == 0
        assert held()[0]["busy"] == 0
        server.terminate()


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_it_keeps_to_itself(runtime: Path, tiny_file: Path) -> None:
    """A session of its own, no terminal, no folder, no core file; a socket for one user."""
    ask(tiny_file)
    number = process(runtime)
    status = Path(f"/proc/{number}/stat").read_text().rpartition(") ")[2].split()
    assert int(status[3]) == number  # its session
    limits = Path(f"/proc/{number}/limits").read_text()
    assert [line for line in limits.splitlines() if line.startswith("Max core file size")][
        0
    ].split()[4] == "0"
    assert (runtime / "server.sock").stat().st_mode & 0o777 == 0o600
    assert json.loads(command("ps", "--json").stdout)["engine"] == "llamacpp"
