"""Messages between a program and its tests: one line of JSON each, and none too long."""

import json
import os

MOST_BYTES = 1 << 20
CHUNK = 1 << 16


class ClosedError(Exception):
    """The other side has ended."""


class Channel:
    """Two pipes to the other side; what it sends is checked for its length and its form."""

    def __init__(self, reads: int, writes: int) -> None:
        self._reads = reads
        self._writes = writes
        self._rest = b""

    def send(self, message: object) -> None:
        """Write one message; ClosedError where nobody reads, ValueError where it is too long."""
        data = json.dumps(message).encode("ascii") + b"\n"
        if len(data) > MOST_BYTES:
            raise ValueError(f"longer than {MOST_BYTES >> 20} MiB")
        try:
            while data:
                data = data[os.write(self._writes, data) :]
        except OSError as error:
            raise ClosedError from error

    def receive(self) -> object:
        """Read one message; ClosedError at the end, ValueError or RecursionError for no message."""
        data = self._rest
        pieces = [data]
        length = len(data)
        while b"\n" not in data:
            data = os.read(self._reads, CHUNK)
            if not data:
                raise ClosedError
            pieces.append(data)
            length += len(data)
            if length > MOST_BYTES:
                raise ValueError(f"longer than {MOST_BYTES >> 20} MiB")
        line, _, self._rest = b"".join(pieces).partition(b"\n")
        return json.loads(line)
