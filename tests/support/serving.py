"""Servers that tests start, and what is asked of them; none is left behind."""

import json
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from subprocess import CompletedProcess, Popen, run

import pytest

from ggufs import tiny
from processes import COMMAND
from starcoder_cli.net import daemon

SECONDS = 120


@pytest.fixture(scope="session")
def tiny_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GGUF file that llama.cpp loads at once; what it writes is the same each time."""
    path = tmp_path_factory.mktemp("model") / "tiny.gguf"
    path.write_bytes(tiny())
    return path


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder that a server has its socket in, which is not there yet; its server ends."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        monkeypatch.setenv("XDG_RUNTIME_DIR", name)
        folder = Path(name) / "starcoder"
        yield folder
        with suppress(Exception):
            end(folder)


def end(folder: Path) -> None:
    """Kill the server of a folder."""
    process = daemon.identify_listener(folder / daemon.SERVER_SOCKET).pid
    os.kill(process, signal.SIGCONT)
    os.kill(process, signal.SIGKILL)


def command(*words: str, text: str = "", **environment: str) -> CompletedProcess[str]:
    """What a command does with a text in its standard input."""
    return run(
        [*COMMAND, *words],
        input=text,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


def ask(file: Path, *words: str, text: str = "def f(x):\n") -> CompletedProcess[str]:
    """What `complete` writes with a model that a server is to hold."""
    given = ("-", "-m", str(file), "--keep-alive", "5m", "--max-tokens", "8", *words)
    return command("complete", *given, text=text)


def told(file: Path, *words: str) -> Mapping[str, object]:
    """The same as JSON."""
    done = ask(file, "--json", *words)
    assert done.returncode == 0, done.stderr
    found: Mapping[str, object] = json.loads(done.stdout)
    return found


def held() -> list[Mapping[str, object]]:
    """What the server says that it holds."""
    return [json.loads(line) for line in command("ps", "--json").stdout.splitlines()]


def process(folder: Path) -> int:
    """The number of the process that serves in a folder."""
    return daemon.identify_listener(folder / daemon.SERVER_SOCKET).pid


def until(holds: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Wait until something holds; whether it did in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def gone(child: "Popen[bytes] | int") -> bool:
    """Whether a process has ended."""
    number = child if isinstance(child, int) else child.pid
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(") ")[2][0]
    except OSError:
        return True
    return state in "ZX"
