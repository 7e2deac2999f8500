"""HTTP over a socket: one request, and its answer piece by piece.

The standard library's client loads TLS and e-mail first, which takes longer than a short answer.
"""

from collections.abc import Iterator, Mapping
from socket import socket

PIECE = 65536
"""Bytes that are received at a time, at most."""


class Exchange:
    """One request and its answer. Closing it closes the connection, and the server stops.

    All of it raises OSError where the connection fails, ends too early, or speaks something else.
    """

    def __init__(self, connection: socket) -> None:
        from httptools import HttpResponseParser

        self.status = 0
        self._connection = connection
        self._parser = HttpResponseParser(self)
        self._arrived = bytearray()
        self._whole = False

    def on_headers_complete(self) -> None:
        """The parser has read the head of the answer."""
        self.status = self._parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        """The parser has read some of the answer."""
        self._arrived += data

    def on_message_complete(self) -> None:
        """The parser has read all of the answer."""
        self._whole = True

    def ask(
        self, method: str, route: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> None:
        """Send a request with a body of JSON, and wait until the status of the answer is there."""
        told = {
            "Host": "localhost",
            "Connection": "close",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **(headers or {}),
        }
        lines = [f"{method} {route} HTTP/1.1", *(f"{name}: {told[name]}" for name in told)]
        self._connection.sendall("\r\n".join([*lines, "", ""]).encode("ascii") + body)
        while not self.status:
            self._receive()

    def lines(self) -> Iterator[bytes]:
        """The lines of the answer, each as soon as it is there."""
        rest = bytearray()
        while self._more():
            *lines, rest = (rest + self._taken()).split(b"\n")
            yield from map(bytes, lines)
        if rest:
            yield bytes(rest)

    def read(self) -> bytes:
        """All of the answer."""
        while not self._whole:
            self._receive()
        return bytes(self._taken())

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _more(self) -> bool:
        """Wait for more of the answer; False at its end."""
        while not self._arrived and not self._whole:
            self._receive()
        return bool(self._arrived)

    def _taken(self) -> bytearray:
        taken, self._arrived = self._arrived, bytearray()
        return taken

    def _receive(self) -> None:
        from httptools import HttpParserError

        data = self._connection.recv(PIECE)
        if not data:
            raise ConnectionAbortedError("the answer ends before it is whole")
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            raise ConnectionAbortedError(f"the answer is not HTTP: {error}") from error
