"""Connections: who asks too late, and whose head not every parser would read the same way."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from starlette.types import Receive, Scope, Send

from starcoder_cli.net.sockets import listen_on_path
from starcoder_cli.server.http_server import FollowingServer
from starcoder_cli.server.process import uvicorn_config
from starcoder_cli.server.timeouts import (
    MAX_HTTP_HEADER_BYTES,
    StrictHttpProtocol,
    TimedProtocol,
    cancel_timer,
)

GOOD = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\na\n\r\n"
TOO_LONG = "The head of the request is too long or not well formed."


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Say the body back, after a while."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message["body"], message["more_body"]
    await asyncio.sleep(0.6)
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def ask(path: Path, pieces: Sequence[bytes]) -> bytes:
    """What comes back for some bytes that are sent piece by piece, to the end."""
    reader, writer = await asyncio.open_unix_connection(path)
    with closing(writer):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        return await asyncio.wait_for(reader.read(), 20)


def answers(protocol: type[TimedProtocol], *requests: Sequence[bytes]) -> list[bytes]:
    """What a server of a protocol answers to some clients at once."""

    async def test(path: Path) -> list[bytes]:
        with closing(listen_on_path(path)) as listener:
            server = FollowingServer(uvicorn_config(app, protocol))
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            found = await asyncio.gather(*(ask(path, pieces) for pieces in requests))
            server.should_exit = True
            await serving
            return list(found)

    with TemporaryDirectory(dir="/tmp") as name:
        return asyncio.run(test(Path(name) / "s"))


def refusal(answer: bytes) -> str:
    """The message of a refusal, which is JSON in OpenAI's form and closes the connection."""
    head, _, data = answer.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    assert first == b"HTTP/1.1 400 Bad Request"
    assert sorted(lines) == [
        b"Connection: close",
        b"Content-Length: %d" % len(data),
        b"Content-Type: application/json",
        b"X-Content-Type-Options: nosniff",
    ]
    error = json.loads(data)["error"]
    message = error.pop("message")
    assert error == {"type": "invalid_request_error", "param": None, "code": "bad_request"}
    return str(message)


@pytest.mark.parametrize("protocol", [TimedProtocol, StrictHttpProtocol])
def test_a_connection_that_asks_nothing_is_closed(protocol: type[TimedProtocol]) -> None:
    """One whose answer takes longer than it may ask for is not."""
    hasty = type("Hasty", (protocol,), {"read_timeout": 0.3})
    idle, half, whole = answers(hasty, [b""], [GOOD[:-1]], [GOOD])
    assert (idle, half) == (b"", b"")
    assert whole.startswith(b"HTTP/1.1 200 OK\r\n") and whole.endswith(b"\r\n\r\na\n\r\n")


def test_a_request_may_come_byte_by_byte() -> None:
    whole, pieces = answers(
        StrictHttpProtocol, [GOOD], [GOOD[at : at + 1] for at in range(len(GOOD))]
    )
    assert whole.startswith(b"HTTP/1.1 200 OK\r\n")
    assert [line for line in pieces.split(b"\r\n") if not line.startswith(b"date")] == [
        line for line in whole.split(b"\r\n") if not line.startswith(b"date")
    ]


def test_a_line_of_the_head_ends_in_one_way_only() -> None:
    """In the body it may end as it likes, and for this user's own programs anywhere."""
    bare = GOOD.replace(b"Host: a\r\n", b"Host: a\nX: b\r\n")
    half = [bare[: bare.index(b"\n") + 1], bare[bare.index(b"\n") + 1 : -9]]
    assert [refusal(each) for each in answers(StrictHttpProtocol, [bare], half)] == [TOO_LONG] * 2
    (taken,) = answers(TimedProtocol, [bare])
    assert taken.startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_head_has_its_limit_whether_it_is_whole_or_not() -> None:
    start, end = GOOD[: GOOD.index(b"\r\n\r\n")] + b"\r\nX: ", b"\r\n\r\na\n\r\n"
    longest = start + b"x" * (MAX_HTTP_HEADER_BYTES - len(start))
    taken, whole, half = answers(
        StrictHttpProtocol, [longest + end], [longest + b"x" + end], [longest, b"x"]
    )
    assert taken.startswith(b"HTTP/1.1 200 OK\r\n")
    assert (refusal(whole), refusal(half)) == (TOO_LONG, TOO_LONG)


def test_what_is_no_http_is_refused_in_the_same_form() -> None:
    garbage = [b"hello\r\n\r\n", b"G\0T / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\r\n\r\n"]
    for answer in answers(StrictHttpProtocol, *([data] for data in garbage)):
        assert refusal(answer) == "Invalid HTTP request received."


def test_a_timer_need_not_run_to_be_cancelled() -> None:
    async def test() -> bool:
        cancel_timer(None)
        timer = asyncio.get_running_loop().call_later(1000, print)
        cancel_timer(timer)
        return timer.cancelled()

    assert asyncio.run(test())
