"""Connection limits: a read deadline, and strict header parsing for the HTTP API."""

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
    """A connection that is closed if its request is too slow.

    The client has `read_timeout` seconds from the start of the connection to send it.
    """

    read_timeout = 10.0
    _read_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the read deadline; connections over the limit are dropped."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
            return
        self._read_timer = self.loop.call_later(self.read_timeout, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the read deadline."""
        cancel_timer(self._read_timer)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Cancel the read deadline once the request is complete."""
        super().data_received(data)
        if self.conn.their_state in (h11.DONE, h11.MUST_CLOSE):
            cancel_timer(self._read_timer)


class StrictHttpProtocol(TimedProtocol):
    """One request, whose header every parser reads the same way.

    A client may stop reading the answer for at most `write_timeout` seconds.
    """

    write_timeout = 30.0
    _write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start collecting the header."""
        self._unchecked_header: bytearray | None = bytearray()
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the write deadline."""
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
        """Start the write deadline: the client has stopped reading."""
        super().pause_writing()
        self._write_timer = self.loop.call_later(self.write_timeout, self.transport.abort)

    def resume_writing(self) -> None:
        """Cancel the write deadline: the client is reading again."""
        cancel_timer(self._write_timer)
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Answer 400 if nothing has been sent yet, and close."""
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
    """Cancel a timer if there is one."""
    if timer:
        timer.cancel()
