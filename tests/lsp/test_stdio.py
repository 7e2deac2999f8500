"""The process that an editor starts: what goes over its pipes, and how it ends."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from processes import COMMAND
from serving import until

START = [*COMMAND, "lsp", "-m", "echo"]
SECONDS = 60


def frame(method: str, params: object = None, number: int | None = None) -> bytes:
    """A message with its head."""
    message = {"jsonrpc": "2.0", "method": method, "params": params}
    body = json.dumps(message if number is None else {**message, "id": number}).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def initialize(process: int | None = None) -> bytes:
    """The first message."""
    return frame("initialize", {"processId": process, "capabilities": {}}, 1)


def answers(data: bytes) -> list[Any]:
    """The messages in what was written; nothing else may be there."""
    found = []
    while data:
        head, _, rest = data.partition(b"\r\n\r\n")
        size = int(head.partition(b"Content-Length: ")[2].split(b"\r\n")[0])
        found.append(json.loads(rest[:size]))
        data = rest[size:]
    return found


def talk(*frames: bytes) -> tuple[int, list[Any], str]:
    """Exit code, messages and log of a session that ends with its input."""
    done = subprocess.run(START, input=b"".join(frames), capture_output=True, timeout=SECONDS)
    return done.returncode, answers(done.stdout), done.stderr.decode()


def test_an_end_after_a_shutdown_is_0() -> None:
    code, messages, log = talk(initialize(), frame("shutdown", None, 2), frame("exit"))
    assert (code, [each["id"] for each in messages], log) == (0, [1, 2], "")


@pytest.mark.parametrize("last", [frame("exit"), b"", b"Content-Length: 90\r\n\r\n{"])
def test_an_end_without_a_shutdown_is_1(last: bytes) -> None:
    code, messages, _ = talk(initialize(), last)
    assert (code, len(messages)) == (1, 1)


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"garbage\n\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"{}", b"\0" * 300_000),
        *(b"Content-Length: abc\r\n\r\nx", b"Content-Length: 2\r\n\r\n{}"),
        *(b"Content-Length: 5\r\n\r\n{{{{{", b"Content-Length: 4\r\n\r\nnull"),
    ],
)
def test_an_input_without_a_message_is_told_what_belongs_there(data: bytes) -> None:
    """It was a bug that it ended with 1 and without a word."""
    code, _, log = talk(data)
    assert code == 76
    assert log.splitlines()[-1] == (
        "error: standard input has no message: `starcoder lsp` is started by an editor, and "
        "speaks the language server protocol with it; docs/lsp.md says how to set one up"
    )


def test_what_is_no_message_is_one_line_in_the_log() -> None:
    broken = b"Content-Length: 5\r\n\r\n{{{{{"
    deep = b"[" * 100_000
    frames = (broken, b"Content-Length: %d\r\n\r\n%s" % (len(deep), deep))
    code, messages, log = talk(initialize(), *frames, frame("shutdown", None, 2), frame("exit"))
    assert code == 0
    assert [each["id"] for each in messages if "id" in each] == [1, 2]
    assert log.count("\n") == 2 and "Traceback" not in log


@pytest.mark.parametrize("data", [bytes(200_000), b"Content-Length: %s\r\n\r\n" % (b"9" * 5000)])
@pytest.mark.parametrize("before", [b"", initialize()])
def test_what_is_no_head_of_a_message_is_an_error_and_no_bug(before: bytes, data: bytes) -> None:
    code, messages, log = talk(before + data)
    assert (code, len(messages)) == (76, bool(before))
    assert log.startswith("error: standard input has no message: ") and log.count("\n") == 1


@contextmanager
def started(*frames: bytes) -> Iterator["subprocess.Popen[bytes]"]:
    """A server whose input stays open."""
    with subprocess.Popen(
        START, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as server:
        assert server.stdin
        server.stdin.write(b"".join(frames))
        server.stdin.flush()
        try:
            yield server
        finally:
            server.kill()


def test_it_ends_with_the_process_of_its_client() -> None:
    """Another may still hold its standard input."""
    words = [sys.executable, "-c", "input()"]
    with (
        subprocess.Popen(words, stdin=subprocess.PIPE) as parent,
        started(initialize(parent.pid)) as server,
    ):
        assert server.stdout and server.stdout.readline().startswith(b"Content-Length")
        assert server.poll() is None
        parent.kill()
        parent.wait()
        assert server.wait(SECONDS) == 1


def test_a_signal_ends_it() -> None:
    with started(initialize(os.getpid())) as server:
        assert server.stdout and server.stdout.readline()
        server.terminate()
        assert until(lambda: server.poll() is not None)
