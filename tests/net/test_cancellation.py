"""Work that is not needed any more: what it waits for breaks off, in another thread too."""

import socket
import threading
from collections.abc import Iterator

import pytest

from starcoder_cli.net.cancellation import AbandonedError, Cancellation, cancelled_by
from starcoder_cli.net.sockets import listen_on_port, open_connection


@pytest.fixture
def address() -> Iterator[str]:
    """Where somebody listens who says nothing."""
    with listen_on_port("127.0.0.1", 0) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_wait_in_another_thread_ends(address: str) -> None:
    cancellation, received, waits = Cancellation(), list[bytes](), threading.Event()

    def wait() -> None:
        with cancelled_by(cancellation), open_connection(address) as connection:
            waits.set()
            received.append(connection.recv(1))

    thread = threading.Thread(target=wait)
    thread.start()
    assert waits.wait(60)
    cancellation.cancel()
    thread.join(60)
    assert received == [b""]
    assert cancellation.is_cancelled


def test_what_is_cancelled_opens_no_connection(address: str) -> None:
    cancellation = Cancellation()
    cancellation.check()
    cancellation.cancel()
    with pytest.raises(AbandonedError):
        cancellation.check()
    with cancelled_by(cancellation), pytest.raises(AbandonedError):
        open_connection(address)


def test_connections_that_are_closed_are_left_alone(address: str) -> None:
    cancellation = Cancellation()
    with cancelled_by(cancellation):
        open_connection(address).close()
        kept = open_connection(address)
    cancellation.cancel()
    with kept:
        assert kept.recv(1) == b""


def test_others_are_not_touched(address: str) -> None:
    cancellation = Cancellation()
    with cancelled_by(cancellation):
        pass
    with open_connection(address, 0.05) as connection:
        cancellation.cancel()
        with pytest.raises(socket.timeout):
            connection.recv(1)
