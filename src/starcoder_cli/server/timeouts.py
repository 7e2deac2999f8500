"""Connections: each has to ask soon, and those of the HTTP API are clear about their heads too."""

import asyncio
import json
import re

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from starcoder_cli.wire.errors import ApiError

MAX_CONNECTIONS = 256
MAX_HTTP_HEADER_BYTES = 16 << 10
BARE_LINE_FEED = re.compile(rb"(?<!\r)\n")
END_OF_HEADERS = b"\r\n\r\n"


class TimedProtocol(H11Protocol):
    """A connection that is closed where its request does not come soon.

    A client may take `read_timeout` seconds to send it, from the beginning of the connection.
    """

    read_timeout = 10.0
    _read_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request; beyond so many connections there is no waiting."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
            return
        self._read_timer = self.loop.call_later(self.read_timeout, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is waited for any more."""
        cancel_timer(self._read_timer)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Wait no longer once the request is whole."""
        super().data_received(data)
        if self.conn.their_state in (h11.DONE, h11.MUST_CLOSE):
            cancel_timer(self._read_timer)


class StrictHttpProtocol(TimedProtocol):
    """One request, whose header has the one form that every parser reads the same way.

    A client may take nothing more of its answer for `write_timeout` seconds.
    """

    write_timeout = 30.0
    _write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a head."""
        self._unchecked_header: bytearray | None = bytearray()
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is waited for any more."""
        cancel_timer(self._write_timer)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Check the header before anything else reads it."""
        if self._unchecked_header is not None:
            self._unchecked_header += data
            header_end = self._unchecked_header.find(END_OF_HEADERS)
            header = (
                self._unchecked_header if header_end < 0 else self._unchecked_header[:header_end]
            )
            if len(header) > MAX_HTTP_HEADER_BYTES or BARE_LINE_FEED.search(header):
                self.send_400_response("The head of the request is too long or not well formed.")
                return
            self._unchecked_header = None if header_end >= 0 else self._unchecked_header
        super().data_received(data)

    def pause_writing(self) -> None:
        """The client does not take what there is: it has so long to go on."""
        super().pause_writing()
        self._write_timer = self.loop.call_later(self.write_timeout, self.transport.abort)

    def resume_writing(self) -> None:
        """It went on."""
        cancel_timer(self._write_timer)
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Say that this is no request, if nothing has been said yet, and close."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE) and self.cycle is None:
            data = json.dumps(ApiError(400, msg, code="bad_request").to_record()).encode()
            headers = [
                ("Content-Type", "application/json"),
                ("Content-Length", str(len(data))),
                ("X-Content-Type-Options", "nosniff"),
                ("Connection", "close"),
            ]
            response = h11.Response(status_code=400, headers=headers, reason=b"Bad Request")
            for event in (response, h11.Data(data=data), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def cancel_timer(timer: asyncio.TimerHandle | None) -> None:
    """Stop a timer that may run."""
    if timer:
        timer.cancel()
