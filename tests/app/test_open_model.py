"""Commands that share a server: one load for all of them, and a way on where it fails them."""

import json
import os
import shutil
import signal
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import PIPE, Popen, run

import pytest

from processes import COMMAND, start, terminal
from serving import ask, command, end, held, process, runtime, tiny_file, told, until
from starcoder_cli.app.open_model import open_on_server
from starcoder_cli.app.request import Request
from starcoder_cli.cli import main
from starcoder_cli.model import Sampling
from starcoder_cli.net import daemon
from starcoder_cli.terminal.output import Messages

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs unix sockets")
__all__ = ["runtime", "tiny_file"]

NOTE = "note: a server keeps the model loaded for the next command"


def test_the_second_command_finds_the_model_loaded(runtime: Path, tiny_file: Path) -> None:
    cold = ask(tiny_file, "--no-server")
    first, second = ask(tiny_file), ask(tiny_file)
    assert cold.stdout and [first.stdout, second.stdout] == [cold.stdout] * 2
    assert first.stderr.startswith(NOTE) and first.stderr.count("\n") == cold.stderr.count("\n") + 1
    assert second.stderr == cold.stderr
    (model,) = held()
    assert (model["model"], model["engine"], model["answers"]) == (str(tiny_file), "llamacpp", 2)


def test_without_a_terminal_a_server_is_used_but_not_started(
    runtime: Path, tiny_file: Path
) -> None:
    quietly = ("complete", "-", "-m", str(tiny_file), "--max-tokens", "4")
    assert command(*quietly, text="a").returncode == 0
    assert not runtime.exists()
    ask(tiny_file)
    assert command(*quietly, text="a").returncode == 0
    assert held()[0]["answers"] == 2


def test_at_a_terminal_one_is_started(runtime: Path, tiny_file: Path, tmp_path: Path) -> None:
    place = tmp_path / "a.py"
    place.write_text("a = 1\n")
    words = ("complete", str(place), "-m", str(tiny_file), "--max-tokens", "4")
    assert "a server keeps" not in str(terminal(*words, CI="1").lines)
    assert not runtime.exists()
    assert "note: a server keeps" in str(terminal(*words, CI="").lines)
    assert len(held()) == 1
    assert "a server keeps" not in str(terminal(*words, CI="").lines)


def test_every_command_can_use_it(runtime: Path, tiny_file: Path, tmp_path: Path) -> None:
    place = tmp_path / "a.py"
    place.write_text("a = 1\nb = 2\n")
    words = ("-m", str(tiny_file), "--temperature", "0", "--max-tokens=4", "--keep-alive", "1h")
    for given in (("fill", f"{place}:1"), ("edit", str(place), "tidy"), ("chat", "why")):
        warmly, cold = command(*given, *words), command(*given, *words, "--no-server")
        assert (warmly.returncode, warmly.stdout) == (cold.returncode, cold.stdout)
    assert [model["answers"] for model in held()] == [3]


def test_several_answers_and_their_probabilities_are_the_same(
    runtime: Path, tiny_file: Path
) -> None:
    words = ("-n", "3", "--seed", "7", "--temperature", "1")
    warmly, cold = told(tiny_file, *words), told(tiny_file, *words, "--no-server")
    ignored = {"seconds"}
    assert {k: v for k, v in warmly.items() if k not in ignored} == {
        k: v for k, v in cold.items() if k not in ignored
    }


def test_text_stays_text(runtime: Path, tiny_file: Path) -> None:
    """What is a control token by its letters, and bytes that are no text, arrive as they are."""
    text = "<|fim_prefix|> <|endoftext|> \udcff"
    given = text.encode("utf-8", "surrogateescape")
    counts = []
    for words in (["--keep-alive", "5m"], ["--no-server"]):
        child = start("complete", "-", "-m", str(tiny_file), "--max-tokens", "4", "--json", *words)
        out, _ = child.communicate(given, timeout=120)
        counts.append(out.partition(b'"tokens"')[2].partition(b"}")[0])
    assert counts[0] == counts[1] != b""


def numbered(changed: int = -1) -> str:
    """A file of 120 lines that have equally many tokens, some 1,500; one of them may be changed."""
    lines = [f"value_{at:03} = read({at:03})\n" for at in range(120)]
    if changed >= 0:
        lines[changed] = lines[changed].replace("read", "take")
    return "".join(lines)


def test_a_second_answer_reads_from_the_edit_on(
    runtime: Path, tiny_file: Path, tmp_path: Path
) -> None:
    """Also where other files were asked about meanwhile: each slot keeps what it has read."""
    place, other = tmp_path / "a.py", tmp_path / "b.py"
    words = ("-m", str(tiny_file), "--keep-alive", "5m", "--max-tokens", "4", "--json")

    def tokens(text: str, path: Path) -> tuple[int, int]:
        path.write_text(text)
        asked = json.loads(command("fill", f"{path}:110", *words).stdout)["tokens"]
        return asked["prompt"], asked["cached"]

    whole, cached = tokens(numbered(), place)
    assert whole > 1400 and cached == 0
    assert tokens("def g(x):\n" * 150, other)[1] < 9
    for changed in (105, 106):
        _, cached = tokens(numbered(changed), place)
        assert cached >= (104 * whole) // 120
    _, cached = tokens(numbered(106), place)
    assert cached >= whole - 1


def test_what_loading_raises_arrives(runtime: Path, tiny_file: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(tiny_file.read_bytes()[:20000])
    warmly, cold = ask(damaged), ask(damaged, "--no-server")
    assert warmly.returncode == cold.returncode == 65
    assert warmly.stderr.endswith(cold.stderr)


def test_a_model_that_changed_is_loaded_anew(
    runtime: Path, tiny_file: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.gguf"
    shutil.copy(tiny_file, copy)
    ask(copy)
    os.utime(copy, (1, 1))
    ask(copy)
    assert [model["answers"] for model in held()] == [1, 1]


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_killed_server_is_replaced(runtime: Path, tiny_file: Path) -> None:
    before = ask(tiny_file).stdout
    end(runtime)
    again = ask(tiny_file)
    assert (again.stdout, again.returncode) == (before, 0)
    assert again.stderr.startswith(NOTE)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_eight_commands_over_a_stale_socket_start_one_server(
    runtime: Path, tiny_file: Path
) -> None:
    answer = ask(tiny_file).stdout
    end(runtime)
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: ask(tiny_file), range(8)))
    assert [each.stdout for each in done] == [answer] * 8
    assert sum(NOTE in each.stderr for each in done) == 1
    (model,) = held()
    assert model["answers"] == 8


def test_a_server_of_another_version_makes_way(runtime: Path, tiny_file: Path) -> None:
    program = "from starcoder_cli.net import daemon\ndaemon.INSTALLATION_ID = 'old'\n"
    program += "from starcoder_cli.__main__ import run\nimport sys\nsys.argv[1:] = ['serve']\nrun()"
    with Popen([sys.executable, "-c", program], stderr=PIPE) as old:
        assert old.stderr and old.stderr.readline() == b"serving; Ctrl-C ends it\n"
        unattended = command("complete", "-", "-m", str(tiny_file), "--max-tokens", "4", text="a")
        assert (unattended.returncode, old.poll()) == (0, None)
        assert ask(tiny_file).returncode == 0
        assert old.wait(30) == 0
    assert len(held()) == 1


def test_a_server_that_ends_while_it_is_asked_is_replaced(runtime: Path, tiny_file: Path) -> None:
    """A connection that it has not taken yet is reset: the command then loaded the model itself."""
    runtime.mkdir(mode=0o700)

    def leave() -> None:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(runtime / daemon.SERVER_SOCKET))
            listener.listen()
            for _ in range(2):  # one to see who listens, one to be asked who it is
                listener.accept()[0].close()

    with ThreadPoolExecutor(1) as pool:
        leaving = pool.submit(leave)
        assert until(lambda: (runtime / daemon.SERVER_SOCKET).exists())
        done = ask(tiny_file)
        leaving.result(30)
    assert done.stderr.startswith(NOTE)
    assert held()[0]["answers"] == 1


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_server_that_does_not_answer_is_passed_by(
    runtime: Path, tiny_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The command loads the model itself."""
    ask(tiny_file)
    os.kill(process(runtime), signal.SIGSTOP)
    request = Request(str(tiny_file), Sampling(max_tokens=4))
    assert open_on_server(tiny_file, 64, request, Messages(), seconds=0.3) is None
    message = f"note: the server does not answer: {tiny_file} is loaded without it\n"
    assert capfd.readouterr().err == message


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_server_that_was_stopped_for_a_while_goes_on(runtime: Path, tiny_file: Path) -> None:
    words = ["complete", "-", "-m", str(tiny_file), "--keep-alive", "5m", "--max-tokens", "900"]
    whole = command(*words, text="def f(x):\n").stdout.encode()
    number = process(runtime)
    with Popen([*COMMAND, *words], stdin=PIPE, stdout=PIPE) as child:
        assert child.stdin and child.stdout
        child.stdin.write(b"def f(x):\n")
        child.stdin.close()
        first = child.stdout.read(1)
        os.kill(number, signal.SIGSTOP)
        time.sleep(0.5)
        os.kill(number, signal.SIGCONT)
        rest = child.stdout.read()
    assert (child.returncode, first + rest) == (0, whole)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_server_that_dies_in_the_middle(runtime: Path, tiny_file: Path) -> None:
    words = ["complete", "-", "-m", str(tiny_file), "--keep-alive", "5m", "--max-tokens", "900"]
    whole = command(*words, "--no-server", text="def f(x):\n").stdout.encode()
    for _ in range(20):
        ask(tiny_file)
        number = process(runtime)
        with Popen([*COMMAND, *words], stdin=PIPE, stdout=PIPE, stderr=PIPE) as child:
            assert child.stdin and child.stdout and child.stderr
            child.stdin.write(b"def f(x):\n")
            child.stdin.close()
            first = child.stdout.read(1)
            os.kill(number, signal.SIGKILL)
            rest, errors = child.stdout.read(), child.stderr.read().decode()
        if first + rest != whole:  # else the answer was there before the server died
            break
    assert (child.returncode, bool(first)) == (69, True)
    assert whole.startswith(first + rest) and len(first + rest) < len(whole)
    assert errors.endswith("error: the server has ended; try again, or use --no-server\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_client_that_leaves_stops_the_model(number: int, runtime: Path, tiny_file: Path) -> None:
    ask(tiny_file)
    words = ["complete", "-", "-m", str(tiny_file), "--keep-alive", "5m", "--max-tokens", "400"]
    with Popen([*COMMAND, *words], stdin=PIPE, stdout=PIPE) as child:
        assert child.stdin and child.stdout
        child.stdin.write(b"def f(x):\n")
        child.stdin.close()
        child.stdout.read(1)
        child.send_signal(number)
    assert until(lambda: held()[0]["busy"] == 0)
    assert ask(tiny_file).returncode == 0


@pytest.mark.parametrize("way", ["open to others", "a file", "a link", "no socket"])
def test_a_place_that_is_not_safe(way: str, runtime: Path, tiny_file: Path) -> None:
    """Nothing is deleted, and the way out is named."""
    if way == "open to others":
        runtime.mkdir(mode=0o755)
        runtime.chmod(0o777)
    elif way == "a file":
        runtime.write_text("")
    elif way == "a link":
        (runtime.parent / "other").mkdir(mode=0o700)
        runtime.symlink_to(runtime.parent / "other")
    else:
        runtime.mkdir(mode=0o700)
        (runtime / daemon.SERVER_SOCKET).write_text("mine")
    before = sorted(runtime.parent.rglob("*"))
    done = ask(tiny_file)
    assert (done.returncode, done.stdout) == (77, "")
    assert done.stderr.endswith("; remove it, or use --no-server\n")
    assert sorted(runtime.parent.rglob("*")) == before
    assert ask(tiny_file, "--no-server").returncode == 0
    for other in ("ps", "stop"):
        assert command(other).returncode == 77


@pytest.mark.skipif(os.name == "nt" or os.getuid() != 0, reason="only root can be two users")
def test_another_user_who_listens_is_not_talked_to(runtime: Path, tiny_file: Path) -> None:
    runtime.mkdir(mode=0o700)
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(runtime / daemon.SERVER_SOCKET))
            os.setuid(65534)
            listener.listen()
            os.write(writing, b"1")
            signal.pause()
    os.read(reading, 1)
    try:
        done = ask(tiny_file)
        assert done.returncode == 77
        assert "another user listens at" in done.stderr
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reading)
        os.close(writing)


@pytest.mark.parametrize("way", ["no folder", "no lock", "no home"])
def test_a_place_that_cannot_be_used(way: str, runtime: Path, tiny_file: Path) -> None:
    """The command does its work alone and says why; a home is not needed."""
    words = ["complete", "-", "-m", str(tiny_file), "--max-tokens", "4", "--keep-alive", "5m"]
    environment = dict(os.environ)
    if way == "no folder":
        empty = {"XDG_RUNTIME_DIR": "", "XDG_CACHE_HOME": "/dev/null", "HOME": "/dev/null"}
        environment |= empty
    elif way == "no lock":
        (runtime / daemon.SERVER_LOCK).mkdir(parents=True)
        runtime.chmod(0o700)
    else:
        del environment["HOME"]
    done = run([*COMMAND, *words], input=b"a", env=environment, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout == command(*words, "--no-server", text="a").stdout.encode()
    assert (b" is loaded without it\n" in done.stderr) == (way != "no home")


def test_who_asks_for_no_time_has_no_server(runtime: Path, tiny_file: Path) -> None:
    assert ask(tiny_file, "--keep-alive", "0").stderr == ask(tiny_file, "--no-server").stderr
    assert not runtime.exists()
    ask(tiny_file)
    ask(tiny_file, "--keep-alive", "0")
    assert held()[0]["answers"] == 1


def test_a_path_that_is_too_long_for_a_socket(
    runtime: Path, tiny_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = runtime.parent / ("x" * 100)
    long.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(long))
    done = ask(tiny_file)
    assert (done.returncode, done.stdout) == (0, ask(tiny_file, "--no-server").stdout)
    assert f"too long a path for a socket: {tiny_file} is loaded without it\n" in done.stderr


@pytest.mark.parametrize("value", ["soon", "-2", "5 minutes", "", "-1h"])
def test_a_time_that_is_none(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["complete", "-m", "echo", "--keep-alive", value]) == 2
    assert f"{value!r} is not a time; give 30s" in capsys.readouterr().err
