"""Cancel work in another thread by closing its connections.

A thread that waits for a server cannot be interrupted, but its connection can.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar


class AbandonedError(Exception):
    """Nobody is waiting for the answer any more."""


class Cancellation:
    """Says whether some work is still needed, and closes its connections once it is not."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._is_cancelled = False

    @property
    def is_cancelled(self) -> bool:
        """Whether the work is no longer needed."""
        return self._is_cancelled

    def cancel(self) -> None:
        """Cancel the work: its connections are shut down, and it cannot open another."""
        with self._lock:
            self._is_cancelled = True
            for connection in self._connections:
                with suppress(OSError):  # it may be closed already
                    connection.shutdown(socket.SHUT_RDWR)
            self._connections.clear()

    def check(self) -> None:
        """Raise AbandonedError if the work is no longer needed."""
        if self._is_cancelled:
            raise AbandonedError

    def add(self, connection: socket.socket) -> None:
        """Close this connection on cancellation; raises AbandonedError if that has happened."""
        with self._lock:
            if self._is_cancelled:
                connection.close()
                raise AbandonedError
            self._connections = {each for each in self._connections if each.fileno() >= 0}
            self._connections.add(connection)


CURRENT: ContextVar[Cancellation | None] = ContextVar("cancellation", default=None)


@contextmanager
def cancelled_by(cancellation: Cancellation) -> Iterator[None]:
    """Tie connections opened in the body, in this thread, to the cancellation."""
    token = CURRENT.set(cancellation)
    try:
        yield
    finally:
        CURRENT.reset(token)
