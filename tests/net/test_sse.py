"""Server-sent events, as servers write them and as they arrive."""

import pytest

from starcoder_cli.errors import ProtocolError
from starcoder_cli.net.sse import MAX_LINE_BYTES, Event, read_events

SENT = b": here\r\nevent: x\r\ndata:1\r\n\r\ndata:  2 \n\nerror: no\n\ndata: [DONE]\n\ndata: cut of"
EVENTS = [Event("data", b"1"), Event("data", b"2"), Event("error", b"no"), Event("data", b"[DONE]")]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 4096])
def test_events_are_the_same_in_any_pieces(size: int) -> None:
    pieces = [SENT[at : at + size] for at in range(0, len(SENT), size)]
    assert list(read_events(pieces)) == EVENTS


def test_an_event_comes_before_the_stream_has_ended() -> None:
    def pieces() -> object:
        yield SENT[:20]
        yield SENT[20:40]
        raise AssertionError("nothing more is wanted")

    assert next(read_events(pieces())) == EVENTS[0]  # type: ignore[arg-type]  # it yields bytes


def test_a_line_without_an_end() -> None:
    with pytest.raises(ProtocolError, match="a line without an end"):
        list(read_events([b"x" * MAX_LINE_BYTES, b"x"]))
