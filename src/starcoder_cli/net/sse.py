"""Server-sent events (WHATWG HTML, 9.2), read as their bytes arrive."""

import json
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from starcoder_cli.errors import ProtocolError

MAX_LINE_BYTES = 1 << 22
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
DONE = b"[DONE]"
"""The data of OpenAI's last event."""


class Event(NamedTuple):
    """The data of an event; `field` is `error` if the server names errors that way, else `data`."""

    field: str
    data: bytes


def read_events(pieces: Iterable[bytes]) -> Iterator[Event]:
    """Yield each event as soon as it is complete, however its bytes are split.

    A data line that is JSON by itself is an event, whether or not an empty line follows; other
    lines are joined up to the empty line. An incomplete final event is dropped. Raises
    ProtocolError for an endless line or event.
    """
    pending: list[bytes] = []
    size = 0
    for line in read_lines(pieces):
        field, _, value = line.partition(b":")
        is_data = field == b"data" and bool(value.strip())
        if field == b"error":  # llama.cpp's older servers name errors this way
            yield Event("error", value.strip())
        elif is_data:
            pending.append(value.strip())
            size += len(value)
            if size > MAX_LINE_BYTES:
                raise endless_error("an event")
        is_first = is_data and len(pending) == 1
        if pending and (not line or (is_first and is_whole(pending[0]))):
            yield Event("data", b"\n".join(pending))
            pending, size = [], 0
    if pending and is_whole(b"\n".join(pending)):
        yield Event("data", b"\n".join(pending))


def read_lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield each line when complete, without its end: LF, CRLF or CR; the last may have none."""
    rest = bytearray()
    for piece in pieces:
        may_end = rest.endswith(b"\r") or b"\n" in piece or b"\r" in piece
        rest += piece
        if len(rest) > MAX_LINE_BYTES and not may_end:
            raise endless_error("a line")
        if not may_end:
            continue
        lines = bytes(rest).splitlines(keepends=True)
        # A CR at the end may be the first half of a CRLF.
        rest = bytearray(lines.pop() if not lines[-1].endswith(b"\n") else b"")
        yield from (line.rstrip(b"\r\n").removeprefix(BYTE_ORDER_MARK) for line in lines)
    if rest:
        yield bytes(rest).rstrip(b"\r").removeprefix(BYTE_ORDER_MARK)


def is_whole(data: bytes) -> bool:
    """Whether some data is a complete JSON event."""
    if data == DONE:
        return True
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


def endless_error(what: str) -> ProtocolError:
    """The error for a server that sends something endless."""
    return ProtocolError(f"the server sends {what} without an end", "is it the right one?")
