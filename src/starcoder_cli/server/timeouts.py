"""Connections: each has to ask soon, and those of the HTTP API are clear about their heads too."""

import asyncio
import json
import re

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from starcoder_cli.wire.errors import ApiError

READ_SECONDS = 10.0
"""How long a client may take to send its request, from the beginning of the connection."""

WRITE_SECONDS = 30.0
"""How long a client may take no more of its answer."""

MOST_CONNECTIONS = 256
HEAD_BYTES = 16 << 10
BARE_LINE_FEED = re.compile(rb"(?<!\r)\n")
END_OF_HEAD = b"\r\n\r\n"


class Timed(H11Protocol):
    """A connection that is closed where its request does not come soon."""

    _reading: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request; beyond so many connections there is no waiting."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
            return
        self._reading = self.loop.call_later(READ_SECONDS, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is waited for any more."""
        end(self._reading)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Wait no longer once the request is whole."""
        super().data_received(data)
        if self.conn.their_state in (h11.DONE, h11.MUST_CLOSE):
            end(self._reading)


class Connection(Timed):
    """One request, whose head is of the one form that every reader reads alike."""

    _writing: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a head."""
        self._head: bytearray | None = bytearray()
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is waited for any more."""
        end(self._writing)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Look at the head before anything else does."""
        if self._head is not None:
            self._head += data
            end = self._head.find(END_OF_HEAD)
            head = self._head if end < 0 else self._head[:end]
            if len(head) > HEAD_BYTES or BARE_LINE_FEED.search(head):
                self.send_400_response("The head of the request is too long or not well formed.")
                return
            self._head = None if end >= 0 else self._head
        super().data_received(data)

    def pause_writing(self) -> None:
        """The client does not take what there is: it has so long to go on."""
        super().pause_writing()
        self._writing = self.loop.call_later(WRITE_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """It went on."""
        end(self._writing)
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Say that this is no request, if nothing has been said yet, and close."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE) and self.cycle is None:
            data = json.dumps(ApiError(400, msg, code="bad_request").record()).encode()
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


def end(timer: asyncio.TimerHandle | None) -> None:
    """Stop a timer that may run."""
    if timer:
        timer.cancel()
