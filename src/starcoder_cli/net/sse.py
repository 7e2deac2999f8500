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
    """The data of an event; `field` is `error` where a server names an error so, else `data`."""

    field: str
    data: bytes


def read_events(pieces: Iterable[bytes]) -> Iterator[Event]:
    """Each event as soon as it is whole, however its bytes are cut up.

    A line of data that is JSON by itself is an event, whether an empty line follows or not; other
    lines are put together up to the empty line. What the stream breaks off in is dropped. Raises
    ProtocolError for a line or an event without an end.
    """
    pending: list[bytes] = []
    size = 0
    for line in read_lines(pieces):
        field, _, value = line.partition(b":")
        is_data = field == b"data" and bool(value.strip())
        if field == b"error":  # llama.cpp's older servers name errors so
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
    """Each line as soon as it is whole, without its end: LF, CRLF or CR; the last may have none."""
    rest = b""
    for piece in pieces:
        lines = (rest + piece).splitlines(keepends=True)
        # A CR at the end may be the first half of a CRLF.
        rest = lines.pop() if lines and not lines[-1].endswith(b"\n") else b""
        if len(rest) > MAX_LINE_BYTES:
            raise endless_error("a line")
        yield from (line.rstrip(b"\r\n").removeprefix(BYTE_ORDER_MARK) for line in lines)
    if rest:
        yield rest.rstrip(b"\r").removeprefix(BYTE_ORDER_MARK)


def is_whole(data: bytes) -> bool:
    """Whether some data is all of an event of JSON."""
    if data == DONE:
        return True
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


def endless_error(what: str) -> ProtocolError:
    """The error for a server that does not come to an end."""
    return ProtocolError(f"the server sends {what} without an end", "is it the right one?")
