"""Server-sent events (WHATWG HTML, 9.2), read as their bytes arrive."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from starcoder_cli.errors import ProtocolError

MAX_LINE_BYTES = 1 << 22
DONE = b"[DONE]"
"""The data of OpenAI's last event."""


class Event(NamedTuple):
    """The data of an event; `field` is `error` where a server names an error so, else `data`."""

    field: str
    data: bytes


def read_events(pieces: Iterable[bytes]) -> Iterator[Event]:
    """Each event as soon as it is whole, however its bytes are cut up.

    A line that the stream breaks off in is dropped. Raises ProtocolError for one without an end.
    """
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        if len(rest) > MAX_LINE_BYTES:
            raise ProtocolError("the server sends a line without an end", "is it the right one?")
        for line in lines:
            field, _, value = line.rstrip(b"\r").partition(b":")
            if field in (b"data", b"error"):  # llama.cpp's older servers name errors so
                yield Event(field.decode(), value.strip())
