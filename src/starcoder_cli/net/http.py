"""HTTP over a socket: one request, and its answer piece by piece.

The standard library's client loads TLS and e-mail first, which takes longer than a short answer.
"""

from collections.abc import Iterator, Mapping
from socket import socket

MAX_RECEIVE_BYTES = 65536
"""Maximum bytes received at a time."""


class HttpRequest:
    """One request and its answer. Closing it closes the connection, and the server stops.

    All methods raise OSError if the connection fails, ends early, or is not HTTP.
    """

    def __init__(self, connection: socket) -> None:
        from httptools import HttpResponseParser

        self.status = 0
        self._connection = connection
        self._parser = HttpResponseParser(self)
        self._received = bytearray()
        self._is_complete = False

    def on_headers_complete(self) -> None:
        """Handle the end of the answer's headers."""
        self.status = self._parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        """Handle a part of the answer's body."""
        self._received += data

    def on_message_complete(self) -> None:
        """Handle the end of the answer."""
        self._is_complete = True

    def send(
        self, method: str, route: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> None:
        """Send a request with a JSON body, and wait for the status of the answer."""
        all_headers = {
            "Host": "localhost",
            "Connection": "close",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **(headers or {}),
        }
        lines = [
            f"{method} {route} HTTP/1.1",
            *(f"{name}: {all_headers[name]}" for name in all_headers),
        ]
        self._connection.sendall("\r\n".join([*lines, "", ""]).encode("ascii") + body)
        while not self.status:
            self._receive()

    def pieces(self) -> Iterator[bytes]:
        """Yield the bytes of the answer as they arrive."""
        while self._wait_for_data():
            yield bytes(self._take_received())

    def read(self) -> bytes:
        """Read the whole answer."""
        while not self._is_complete:
            self._receive()
        return bytes(self._take_received())

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _wait_for_data(self) -> bool:
        """Wait for more of the answer; False at its end."""
        while not self._received and not self._is_complete:
            self._receive()
        return bool(self._received)

    def _take_received(self) -> bytearray:
        received, self._received = self._received, bytearray()
        return received

    def _receive(self) -> None:
        from httptools import HttpParserError

        data = self._connection.recv(MAX_RECEIVE_BYTES)
        if not data:
            raise ConnectionAbortedError("the answer ends before it is whole")
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            raise ConnectionAbortedError(f"the answer is not HTTP: {error}") from error
