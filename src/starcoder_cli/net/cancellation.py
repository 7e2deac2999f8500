"""Work in another thread that may not be needed any more: its connections end at once.

A thread that waits for a server cannot be interrupted; the connection that it waits at can.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar


class AbandonedError(Exception):
    """Nobody waits for the answer any more."""


class Cancellation:
    """Says whether some work is still needed, and ends its connections once it is not."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._is_cancelled = False

    @property
    def is_cancelled(self) -> bool:
        """Whether the work is not needed any more."""
        return self._is_cancelled

    def cancel(self) -> None:
        """End the work: what it waits for breaks off, and it can open no other connection."""
        with self._lock:
            self._is_cancelled = True
            for connection in self._connections:
                with suppress(OSError):  # it may be closed already
                    connection.shutdown(socket.SHUT_RDWR)
            self._connections.clear()

    def check(self) -> None:
        """Raise AbandonedError where the work is not needed any more."""
        if self._is_cancelled:
            raise AbandonedError

    def add(self, connection: socket.socket) -> None:
        """End this connection with the work; AbandonedError where that has ended already."""
        with self._lock:
            if self._is_cancelled:
                connection.close()
                raise AbandonedError
            self._connections = {each for each in self._connections if each.fileno() >= 0}
            self._connections.add(connection)


CURRENT: ContextVar[Cancellation | None] = ContextVar("cancellation", default=None)


@contextmanager
def cancelled_by(cancellation: Cancellation) -> Iterator[None]:
    """Connections that are opened in the body, in this thread, end with the cancellation."""
    token = CURRENT.set(cancellation)
    try:
        yield
    finally:
        CURRENT.reset(token)
