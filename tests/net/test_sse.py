"""Server-sent events, as servers write them and as they arrive."""

import pytest

from starcoder_cli.errors import ProtocolError
from starcoder_cli.net import sse
from starcoder_cli.net.sse import MAX_LINE_BYTES, Event, read_events

SENT = b": here\r\nevent: x\r\ndata:1\r\n\r\ndata:  2 \n\nerror: no\n\ndata: [DONE]\n\ndata: cut of"
EVENTS = [Event("data", b"1"), Event("data", b"2"), Event("error", b"no"), Event("data", b"[DONE]")]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 4096])
def test_events_are_the_same_in_any_pieces(size: int) -> None:
    pieces = [SENT[at : at + size] for at in range(0, len(SENT), size)]
    assert list(read_events(pieces)) == EVENTS


@pytest.mark.parametrize("size", [1, 2, 5, 4096])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("data: {}|data: []||", [b"{}", b"[]"]),
        ('data: {"a":|data: 1}||: note|event: x|data:2||', [b'{"a":\n1}', b"2"]),
        ('\ufeffdata: {"a": 1}||data: [DONE]||', [b'{"a": 1}', b"[DONE]"]),
        ('data:||data: one||data: {"a": 1}', [b"one", b'{"a": 1}']),
        ('data: {"a":|data: 1}|data: {"b"', []),
        ('data: {"a":|data: 1}|', [b'{"a":\n1}']),
    ],
)
def test_lines_end_in_three_ways_and_the_last_need_not(
    text: str, data: list[bytes], end: str, size: int
) -> None:
    sent = text.replace("|", end).encode()
    pieces = [sent[at : at + size] for at in range(0, len(sent), size)]
    assert [event.data for event in read_events(pieces)] == data


def test_an_event_without_an_end() -> None:
    line = b"data: " + b"x" * (1 << 20) + b"\n"
    with pytest.raises(ProtocolError, match="an event without an end"):
        list(read_events([line] * 8))


def test_an_event_comes_before_the_stream_has_ended() -> None:
    def pieces() -> object:
        yield SENT[:20]
        yield SENT[20:40]
        raise AssertionError("nothing more is wanted")

    assert next(read_events(pieces())) == EVENTS[0]  # type: ignore[arg-type]  # it yields bytes


def test_a_line_without_an_end() -> None:
    with pytest.raises(ProtocolError, match="a line without an end"):
        list(read_events([b"x" * MAX_LINE_BYTES, b"x"]))


def test_a_line_is_parsed_once_however_many_comments_follow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parsed: list[bytes] = []

    def is_whole(data: bytes) -> bool:
        parsed.append(data)
        return False

    monkeypatch.setattr(sse, "is_whole", is_whole)
    lines = [b'data: {"a":\n', *[b":\n"] * 50, b"data: 1}\n", b"\n"]
    assert list(read_events(lines)) == [Event("data", b'{"a":\n1}')]
    assert len(parsed) == 1
