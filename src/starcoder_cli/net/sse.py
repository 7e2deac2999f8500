"""Server-sent events (WHATWG HTML, 9.2), cut out of bytes as they arrive."""

from collections.abc import Iterator

from starcoder_cli.errors import ProtocolError

LONGEST_LINE = 1 << 22


class Lines:
    """Cuts what arrives into the data of server-sent events, however it arrives."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The data of each event that is whole now; ProtocolError for one without an end."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            raise ProtocolError("the endpoint sends a line without an end", "is it the right one?")
        for line in lines:
            name, _, value = line.rstrip(b"\r").partition(b":")
            if name in (b"data", b"error"):  # llama.cpp's older servers name errors so
                yield value.strip()
