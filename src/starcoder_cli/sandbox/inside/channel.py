"""Messages between a program and its tests: one line of JSON each, of limited length."""

import json
import os

MAX_MESSAGE_LINE_BYTES = 1 << 20
CHANNEL_READ_BYTES = 1 << 16


class ChannelClosedError(Exception):
    """The other side has ended."""


class Channel:
    """Two pipes to the other side; what it sends is checked for length and form."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._buffer = b""

    def send(self, message: object) -> None:
        """Write one message; ChannelClosedError if nobody reads, ValueError if it is too long."""
        data = json.dumps(message).encode("ascii") + b"\n"
        if len(data) > MAX_MESSAGE_LINE_BYTES:
            raise ValueError(f"longer than {MAX_MESSAGE_LINE_BYTES >> 20} MiB")
        try:
            while data:
                data = data[os.write(self._write_fd, data) :]
        except OSError as error:
            raise ChannelClosedError from error

    def receive(self) -> object:
        """Read one message; ChannelClosedError at the end, ValueError or RecursionError if bad."""
        data = self._buffer
        pieces = [data]
        length = len(data)
        while b"\n" not in data:
            data = os.read(self._read_fd, CHANNEL_READ_BYTES)
            if not data:
                raise ChannelClosedError
            pieces.append(data)
            length += len(data)
            if length > MAX_MESSAGE_LINE_BYTES:
                raise ValueError(f"longer than {MAX_MESSAGE_LINE_BYTES >> 20} MiB")
        line, _, self._buffer = b"".join(pieces).partition(b"\n")
        return json.loads(line)
