"""HTTP over a socket: what is sent, and what is made of any answer."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from starcoder_cli.net.http import HttpRequest
from starcoder_cli.net.sockets import open_connection

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\none\ntwo\n"
CHUNKED = (
    b"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"2\r\non\r\n4;a=b\r\ne\ntw\r\n1\r\no\r\n0\r\n\r\n"
)


@contextmanager
def answering(answer: bytes, size: int = 4096) -> Iterator[tuple[HttpRequest, socket.socket]]:
    """An exchange whose other end sends an answer in pieces and ends, and that other end."""
    ours, theirs = socket.socketpair()
    with theirs, closing(HttpRequest(ours)) as exchange:

        def send() -> None:
            for at in range(0, len(answer), size):
                theirs.sendall(answer[at : at + size])
            theirs.shutdown(socket.SHUT_WR)

        sending = threading.Thread(target=send)
        sending.start()
        yield exchange, theirs
        sending.join()


def test_a_request_is_what_a_server_expects() -> None:
    with answering(WHOLE) as (exchange, other):
        exchange.send("POST", "/open", b'{"a": 1}', {"Authorization": "Bearer k"})
        assert other.recv(4096) == (
            b"POST /open HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            b"Content-Type: application/json\r\nContent-Length: 8\r\n"
            b'Authorization: Bearer k\r\n\r\n{"a": 1}'
        )


@pytest.mark.parametrize("size", [1, 2, 3, 7, 4096])
@pytest.mark.parametrize(
    ("answer", "status", "lines"),
    [(WHOLE, 200, [b"one", b"two"]), (CHUNKED, 503, [b"one", b"two"])],
    ids=["whole", "chunked"],
)
def test_an_answer_is_the_same_in_any_pieces(
    answer: bytes, status: int, lines: list[bytes], size: int
) -> None:
    with answering(answer, size) as (exchange, _):
        exchange.send("GET", "/")
        assert (exchange.status, b"".join(exchange.pieces()).split()) == (status, lines)
    with answering(answer, size) as (exchange, _):
        exchange.send("GET", "/")
        assert exchange.read().split() == lines


def test_pieces_come_before_the_answer_has_ended() -> None:
    ours, theirs = socket.socketpair()
    with theirs, closing(HttpRequest(ours)) as exchange:
        theirs.sendall(CHUNKED[: CHUNKED.index(b"1\r\no")])
        exchange.send("GET", "/")
        assert next(exchange.pieces()).startswith(b"one")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"", "the answer ends before it is whole"),
        (WHOLE[:20], "the answer ends before it is whole"),
        (WHOLE[:-1], "the answer ends before it is whole"),
        (CHUNKED[:-5], "the answer ends before it is whole"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "the answer is not HTTP: Expected HTTP"),
        (CHUNKED.replace(b"2\r\n", b"x\r\n"), "the answer is not HTTP: Invalid character in"),
    ],
    ids=["nothing", "head", "body", "chunks", "another protocol", "no chunks"],
)
def test_a_broken_answer_is_an_error(answer: bytes, message: str) -> None:
    with answering(answer) as (exchange, _), pytest.raises(ConnectionError, match=message):
        exchange.send("GET", "/")
        exchange.read()


def test_a_connection_that_nobody_takes_is_closed(tmp_path: object) -> None:
    with pytest.raises(FileNotFoundError):
        open_connection(f"unix://{tmp_path}/nothing.sock")
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = f"http://127.0.0.1:{server.getsockname()[1]}"
        with open_connection(place, 1.0) as connection:
            assert connection.gettimeout() == 1.0
    with pytest.raises(ConnectionRefusedError):
        open_connection(place, 1.0)
