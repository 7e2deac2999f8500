"""Hostile requests: each is refused, nothing is worked on, and the server answers others after."""

import json
import re
import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from apis import KEY, Server, Slow, local, serving
from starcoder_cli.server.http_routes import COMPLETION_ROUTES, HTTP_ROUTES
from starcoder_cli.server.middleware import MAX_HTTP_REQUEST_BYTES, PUBLIC_ROUTES
from starcoder_cli.server.timeouts import MAX_CONNECTIONS, StrictHttpProtocol

BODY = b'{"prompt": "a", "max_tokens": 1}'
POSTS = tuple(COMPLETION_ROUTES)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server that stays for all of these tests."""
    with serving("echo") as found:
        yield found


@pytest.fixture(autouse=True)
def unmoved(server: Server) -> Iterator[None]:
    """No token is written for any of them, and the next good request is answered."""
    before = server.written
    yield
    assert server.written == before
    assert server.request("GET", "/health", Authorization="").status == 200


def head(server: Server, *lines: str, host: str | None = None, body: bytes = BODY) -> bytes:
    """A good request but for what the lines say; a line that is a header's name drops it."""
    good = {
        "Host": f"127.0.0.1:{server.port}" if host is None else host,
        "Authorization": f"Bearer {KEY}",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
    }
    dropped = {line for line in lines if ":" not in line}
    named = [f"{name}: {value}" for name, value in good.items() if name not in dropped]
    added = [line for line in lines if ":" in line]
    whole = "\r\n".join(["POST /v1/completions HTTP/1.1", *named, *added, "", ""])
    return whole.encode("latin-1") + body


def status(answer: bytes) -> int:
    """The status in an answer, which is JSON in OpenAI's form, and closes the connection."""
    found = re.match(rb"HTTP/1\.1 ([0-9]{3}) ", answer)
    assert found, answer
    top, _, data = answer.partition(b"\r\n\r\n")
    told = json.loads(data)["error"]
    assert set(told) == {"message", "type", "param", "code"}
    lines = top.lower().split(b"\r\n")
    assert b"connection: close" in lines and b"x-content-type-options: nosniff" in lines
    assert b"access-control" not in top.lower()
    return int(found[1])


HOSTS = (
    "evil.example",
    "evil.example:{port}",
    "localhost.evil:{port}",
    "localhost@evil:{port}",
    "localhost:{port}/abc",
    "127.0.0.1",
    "127.0.0.1:1",
    "127.0.0.1:{port}, evil",
    "127.0.0.1.:{port}",
    "[::1]:{port}x",
    "0.0.0.0:{port}",
    "",
)


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_that_is_not_this_one(server: Server, host: str) -> None:
    assert status(server.raw(head(server, host=host.format(port=server.port)))) == 400


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"])
def test_a_host_that_is(server: Server, name: str) -> None:
    data = f"GET /health HTTP/1.1\r\nHost: {name}:{server.port}\r\n\r\n".encode()
    assert server.raw(data).startswith(b"HTTP/1.1 200 ")


def test_hosts_that_are_two_or_none(server: Server) -> None:
    assert status(server.raw(head(server, f"Host: 127.0.0.1:{server.port}"))) == 400
    assert status(server.raw(head(server, "Host"))) == 400
    assert status(server.raw(b"GET /health HTTP/1.0\r\n\r\n")) == 400
    absolute = b"GET http://127.0.0.1/health HTTP/1.1\r\nHost: evil.example\r\n\r\n"
    assert status(server.raw(absolute)) == 400


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Origin: http://evil.example", 403),
        ("Origin: null", 403),
        ("Origin: http://127.0.0.1:8765", 403),
        ("Sec-Fetch-Site: cross-site", 403),
        ("Sec-Fetch-Site: same-site", 403),
        ("Sec-Fetch-Site: none\r\nSec-Fetch-Site: cross-site", 403),
        ("Transfer-Encoding: chunked", 400),
        ("Transfer-Encoding: identity", 400),
        ("Content-Length: 7", 400),
        ("Content-Length: +2", 400),
        ("Content-Length: 99999999999999999999999", 400),
        ("X-Nul: a\0b", 400),
        ("X-Space : a", 400),
        (" X-Begins: a", 400),
        ("X-Bare: a\nX-Line: b", 400),
        ("X-Return: a\rb", 400),
        ("X-Long: " + "a" * 20_000, 400),
        ("X-Very-Long: " + "a" * 100_000, 400),
        ("Authorization: Bearer " + KEY, 401),
        ("X-Api-Key: wrong", 401),
        (f"X-Api-Key: {KEY}\r\nX-Api-Key: {KEY}", 401),
        ("Content-Type: text/plain", 415),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_header_too_many(server: Server, line: str, expected: int) -> None:
    assert status(server.raw(head(server, line))) == expected


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=a",
        "application/jsonp",
        "text/plain; application/json",
        "application/json, text/plain",
    ],
)
def test_what_does_not_say_that_it_is_json(server: Server, kind: str) -> None:
    assert server.request("POST", "/infill", BODY, Content_Type=kind).status == 415
    assert status(server.raw(head(server, "Content-Type"))) == 415


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40) + b"\r\n\r\n",
        b"\r\n\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /health HTTP/9.9\r\n\r\n",
        b"G\0T /health HTTP/1.1\r\n\r\n",
        b"GET /he\nalth HTTP/1.1\r\n\r\n",
        b"GET /health HTTP/1.1\nHost: localhost\n\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"a" * 100_000,
    ],
    ids=lambda data: repr(data[:20]),
)
def test_what_is_no_request(server: Server, data: bytes) -> None:
    assert status(server.raw(data)) == 400


@pytest.mark.parametrize("chunk", [b"zz\r\n", b"-1\r\n", b"5\r\nabc\r\nx", b"1\nx\n0\n\n"])
def test_a_bad_chunk(server: Server, chunk: bytes) -> None:
    data = head(server, "Content-Length", "Transfer-Encoding: chunked", body=chunk + b"\r\n" * 4)
    answer = server.raw(data)
    assert not answer or status(answer) == 400


@pytest.mark.parametrize(
    "key", ["", "Bearer", "Bearer ", "Bearer wrong", f"Bearer {KEY}x", f"Basic {KEY}", f"{KEY}"]
)
@pytest.mark.parametrize(
    "path", [*HTTP_ROUTES[2:], "/v1/models/echo", "/", "/nope", "/docs", "//health"]
)
def test_every_route_but_one_needs_the_key(server: Server, path: str, key: str) -> None:
    for method in ("GET", "POST", "OPTIONS", "DELETE"):
        reply = server.request(method, path, BODY, Authorization=key)
        assert (reply.status, reply.error["code"]) == (401, "invalid_api_key")
        assert reply.headers["www-authenticate"] == "Bearer"


def test_a_key_in_a_header_of_its_own(server: Server) -> None:
    assert server.request("GET", "/v1/models", Authorization="", X_Api_Key=KEY).status == 200
    assert server.request("GET", "/v1/models", Authorization="", X_Api_Key=KEY[1:]).status == 401
    assert server.request("GET", "/v1/models", X_Api_Key=KEY).status == 200
    wrong = "Bearer wrong"
    assert server.request("GET", "/v1/models", Authorization=wrong, X_Api_Key=KEY).status == 401
    assert server.request("GET", "/v1/models", Authorization=f"Basic {KEY}").status == 401


def test_health_is_no_secret(server: Server) -> None:
    for path in PUBLIC_ROUTES:
        assert server.request("GET", path, Authorization="").json == {"status": "ok"}


@pytest.mark.parametrize("key", ["é" * 20, "a" * 8000, "\x7f", KEY[:-1], KEY.upper()])
def test_a_key_that_is_another(server: Server, key: str) -> None:
    assert status(server.raw(head(server, "Authorization", f"Authorization: Bearer {key}"))) in (
        400,
        401,
    )


def test_pages_get_no_leave_to_ask(server: Server) -> None:
    reply = server.request("OPTIONS", "/v1/completions", Origin="http://evil.example")
    assert reply.status == 403
    assert not [name for name in reply.headers if name.lower().startswith("access-control")]


def test_no_routes_about_the_program(server: Server) -> None:
    for path in (
        "/docs",
        "/openapi.json",
        "/redoc",
        "/health/",
        "/v1",
        "/open",
        "/stop",
        "/models",
    ):
        assert server.request("GET", path).status == 404
        assert server.request("POST", path, BODY).status == 404
    for path in POSTS:
        assert server.request("GET", path).status == 405


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\xef\xbb\xbf" + BODY,
        b'{"prompt": "a", "prompt": "b"}',
        b'{"prompt": "\\ud800"}',
        b'{"prompt": "a", "max_tokens": NaN}',
        b'{"prompt": "a", "temperature": 1e400}',
        b'{"prompt": "a", "max_tokens": "16"}',
        b'{"prompt": "a", "max_tokens": true}',
        b'{"prompt": "a", "temperature": -1}',
        b'{"prompt": "a", "n": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"prompt": "a", "tools": [{"\\u001b[31m": 1}]}',
        b'{"prompt": "a", "model": ' + b'"a' * 300 + b'"}',
    ],
    ids=lambda body: repr(body[:40]),
)
@pytest.mark.parametrize("path", POSTS)
def test_a_body_that_asks_for_nothing(server: Server, path: str, body: bytes) -> None:
    reply = server.request("POST", path, body)
    assert reply.status in (400, 404)
    assert reply.error["message"].isprintable() and b"\x1b" not in reply.data


def test_a_body_may_have_so_many_bytes(server: Server) -> None:
    start, end = b'{"nope": "', b'"}'
    for size, expected in ((MAX_HTTP_REQUEST_BYTES, 400), (MAX_HTTP_REQUEST_BYTES + 1, 413)):
        body = start + b"a" * (size - len(start) - len(end)) + end
        assert server.request("POST", "/infill", body).status == expected
    piece = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
    data = head(server, "Content-Length", "Transfer-Encoding: chunked", body=piece * 65)
    assert status(server.raw(data + b"0\r\n\r\n")) == 413


def test_a_client_that_still_sends_hears_that_its_key_is_wrong(server: Server) -> None:
    """It saw its connection reset: nobody had read what it sent."""
    body = b"a" * (8 << 20)
    data = head(server, "Authorization", "Authorization: Bearer wrong", body=body)
    for _ in range(5):
        assert status(server.raw(data)) == 401
    asking = head(server, "Authorization", "Expect: 100-continue", body=b"")
    assert status(server.raw(asking.replace(b"Content-Length: 0", b"Content-Length: 9"))) == 401


def test_a_second_request_behind_the_first_is_not_read(server: Server) -> None:
    one = f"GET /health HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode()
    assert server.raw(one * 3).count(b"HTTP/1.1 ") == 1


class Hasty(StrictHttpProtocol):
    """A connection that waits for nobody for long."""

    read_timeout = 5.0
    write_timeout = 0.5


def test_slow_and_idle_clients_do_not_keep_others_waiting() -> None:
    """A half-sent head, a half-sent body, and two hundred that say nothing."""
    with local(Slow(), protocol=Hasty) as other, ExitStack() as stack:

        def connect(data: bytes) -> socket.socket:
            client = socket.create_connection(("127.0.0.1", other.port), timeout=60)
            client.sendall(data)
            return stack.enter_context(client)

        whole = head(other)
        waiting = [connect(whole[:40]), connect(whole[:-5])]
        waiting += [connect(b"") for _ in range(200)]
        assert other.post("/v1/completions", prompt="a", max_tokens=1).status == 200
        assert not select.select(waiting[-1:], [], [], 0)[0]  # it waits on: who came later did not
        for client in waiting:
            with suppress(ConnectionResetError):
                assert client.recv(100) == b""


def test_connections_beyond_a_limit_are_closed() -> None:
    with local(Slow()) as other, ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection(("127.0.0.1", other.port), timeout=60))
            for _ in range(MAX_CONNECTIONS)
        ]
        assert other.raw(b"GET /health HTTP/1.1\r\n\r\n") == b""
        assert not select.select(clients[-1:], [], [], 0)[0]  # none of the others is closed for it


def test_a_client_that_does_not_read_is_left() -> None:
    model = Slow(seconds=0.0, window=2_000_000)
    with local(model, protocol=Hasty) as other:
        with other.begin("/v1/completions", prompt="a", stream=True, max_tokens=900_000) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deadline = time.monotonic() + 30
            while other.metric("starcoder_working") < 1 and time.monotonic() < deadline:
                time.sleep(0.05)
            while other.metric("starcoder_working") and time.monotonic() < deadline:
                time.sleep(0.1)
        assert other.metric("starcoder_working") == 0
        assert model.made < 900_000
