"""`serve --http`: what is refused before it serves, its key, and its end."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from apis import KEY, Server, serving
from processes import COMMAND
from serving import command, held, runtime, tiny_file, told, until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs unix sockets")
__all__ = ["runtime", "tiny_file"]

PAGE = Path(__file__).parents[2] / "docs" / "server.md"


@contextmanager
def foreground(*words: str) -> Iterator[tuple[Server, "Popen[bytes]", Path]]:
    """A server whose key was made, its process, and the file of the key."""
    with Popen([*COMMAND, "serve", "--http", "127.0.0.1:0", *words], stderr=PIPE) as child:
        assert child.stderr
        served, where = child.stderr.readline().decode(), child.stderr.readline().decode()
        port, file = re.search(r":([0-9]+);", served), re.search(r"^the key is in (.*)$", where)
        assert port and file, served + where
        path = Path(file[1])
        try:
            yield Server(int(port[1]), path.read_text().strip()), child, path
        finally:
            child.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_key_that_is_made_is_private_and_goes_with_the_server(number: int, runtime: Path) -> None:
    with foreground("-m", "echo") as (server, child, key):
        assert (key.parent, key.stat().st_mode & 0o777) == (runtime, 0o600)
        assert server.request("GET", "/v1/models").status == 200
        assert server.request("GET", "/v1/models", Authorization="").status == 401
        child.send_signal(number)
        assert child.wait(30) == -number
        assert sorted(path.name for path in runtime.iterdir()) == ["server.lock"]


def test_it_is_the_server_of_other_commands_too(runtime: Path, tiny_file: Path) -> None:
    """The model is loaded once, for both, and stays."""
    with foreground("-m", str(tiny_file), "--engine", "llamacpp") as (server, child, _):
        (only,) = held()
        assert (only["until"], only["answers"]) == (None, 0)
        text = told(tiny_file, "--engine", "llamacpp", "--raw")["text"]
        asked = {"prompt": "def f(x):\n", "max_tokens": 8}
        reply = server.post("/v1/completions", **asked).json
        assert reply["choices"][0]["text"] == text
        assert [each["answers"] for each in held()] == [2]
        assert command("stop").stderr == "the server has ended\n"
        assert child.wait(30) == 0


def test_what_is_refused(runtime: Path, tmp_path: Path) -> None:
    readable = tmp_path / "key"
    readable.write_text(KEY)
    readable.chmod(0o644)
    table: list[tuple[tuple[str, ...], int, str]] = [
        (("127.0.0.1:1",), 2, "is where --http would listen"),
        (("--http", "example.org:80"), 2, "is not an address"),
        (("--http", "--allowed-host", "a b"), 2, "is not the name of a host"),
        (("--http", "0.0.0.0:0"), 78, "others can reach 0.0.0.0:0"),
        (("--http", "[::]:0"), 78, "others can reach [::]:0"),
        (("--http", "--api-key-file", str(readable)), 77, "others can read"),
        (("--http", "--api-key-file", str(tmp_path / "none")), 66, "cannot read"),
        (("--http", "-m", "no-such-model"), 2, "is not a model"),
        (("--http", "-m", "missing.gguf"), 66, "there is no model file"),
    ]
    for words, code, message in table:
        done = command("serve", *words, STARCODER_MODEL="echo")
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        assert message in done.stderr and done.stderr.count("\n") == 1
    assert command("serve", "--http", "-m", "echo", STARCODER_API_KEY="short").returncode == 78


def test_a_port_that_is_taken(runtime: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        done = command("serve", "--http", where, "-m", "echo")
    assert (done.returncode, done.stderr) == (
        75,
        f"error: {where} is in use; give another port, or 0 for any\n",
    )


def test_a_server_that_runs_already(runtime: Path) -> None:
    with foreground("-m", "echo"):
        done = command("serve", "--http", "127.0.0.1:0", "-m", "echo")
    assert (done.returncode, done.stderr) == (
        75,
        "error: a server is running already; end it with: starcoder stop\n",
    )


def test_others_reach_it_with_a_key_of_the_users_own(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(f"{KEY}\n")
    key.chmod(0o600)
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    words = [*COMMAND, "serve", "--http", "0.0.0.0:0", "-m", "echo", "--api-key-file", str(key)]
    words += ["--allowed-host", "box.example", "-v"]
    with Popen(words, env=environment, stderr=PIPE) as child:
        assert child.stderr
        found = re.search(rb":([0-9]+);", child.stderr.readline())
        assert child.stderr.readline() == b"the key is the one that you gave\n" and found
        server = Server(int(found[1]))
        named = f"box.example:{server.port}"
        assert server.request("GET", "/v1/models", Host=named).status == 200
        assert server.request("GET", "/v1/models", Host=f"0.0.0.0:{server.port}").status == 400
        lines = [child.stderr.readline().split()[:3] for _ in range(2)]
        assert lines == [[b"GET", b"/v1/models", b"200"], [b"GET", b"/v1/models", b"400"]]
        child.kill()


def test_the_commands_of_the_page(runtime: Path) -> None:
    """Those that ask a server, with the port of this one."""
    commands = re.findall(r"^curl .*$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert commands
    with serving("echo") as server:
        for line in commands:
            done = subprocess.run(
                ["bash", "-c", line.replace("127.0.0.1:8765", f"127.0.0.1:{server.port}")],
                env={**os.environ, "STARCODER_API_KEY": KEY},
                capture_output=True,
                timeout=60,
            )
            assert done.returncode == 0
            assert b'"error"' not in done.stdout and json.loads(done.stdout)


@pytest.mark.model
def test_the_default_model(real_model: Path, runtime: Path) -> None:
    """A gap is filled, a question is answered, and both stop where they should."""
    with foreground("--engine", "llamacpp") as (server, child, _):
        asked = {"prompt": "def mean(values):\n    return sum(values) / ", "suffix": "\n"}
        gap = server.post("/v1/completions", filename="mean.py", **asked).json
        answer = gap["choices"][0]["text"]
        assert ("values" in answer, "\n" in answer) == (True, False)
        editor = {"input_prefix": "def largest(values):\n", "prompt": "    return ma"}
        filled = server.post("/infill", input_suffix="\n", filename="a.py", **editor).json
        assert filled["content"].startswith("x(values")
        messages = [{"role": "user", "content": "Reply with the single word: yes"}]
        chat = server.post("/v1/chat/completions", messages=messages, max_tokens=16).json
        assert "yes" in chat["choices"][0]["message"]["content"].lower()
        assert until(lambda: server.metric("starcoder_working") == 0)
        child.terminate()
        child.wait(30)
