"""Lines of JSON over two pipes: whole, in order, none too long, and no more after the end."""

import json
import os
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress

import pytest

from starcoder_cli.sandbox.inside.channel import (
    CHANNEL_READ_BYTES,
    MAX_MESSAGE_LINE_BYTES,
    Channel,
    ChannelClosedError,
)


class Ends:
    """The four ends of two pipes, and a side that has two of them."""

    def __init__(self) -> None:
        self.reads, self.answers = os.pipe()
        self.asked, self.writes = os.pipe()
        self.side = Channel(self.reads, self.writes)
        self.other = Channel(self.asked, self.answers)

    def close(self, *ends: int) -> None:
        """Close some of them, or all that are left."""
        for end in ends or (self.reads, self.answers, self.asked, self.writes):
            with suppress(OSError):
                os.close(end)


@pytest.fixture
def ends() -> Iterator[Ends]:
    """Two sides that can talk."""
    ends = Ends()
    yield ends
    ends.close()


def test_messages_arrive_whole_and_in_order(ends: Ends) -> None:
    """Two at once, and one in two parts."""
    for message in ({"a": ["\u2028\ud800", None]}, 1.5):
        ends.side.send(message)
    assert [ends.other.receive(), ends.other.receive()] == [{"a": ["\u2028\ud800", None]}, 1.5]
    os.write(ends.answers, b'[1]\n{"a"')
    assert ends.side.receive() == [1]
    os.write(ends.answers, b": 2}\n")
    assert ends.side.receive() == {"a": 2}


def test_a_message_may_be_as_long_as_the_limit_and_no_longer(ends: Ends) -> None:
    """With its quotation marks and the end of the line."""
    longest = "a" * (MAX_MESSAGE_LINE_BYTES - 3)
    thread = threading.Thread(target=ends.side.send, args=(longest,))
    thread.start()
    assert ends.other.receive() == longest
    thread.join()
    with pytest.raises(ValueError, match="longer than 1 MiB"):
        ends.side.send(longest + "a")


def test_nobody_at_the_other_end(ends: Ends) -> None:
    """What was said before that is still heard; half a line is not."""
    os.write(ends.answers, b"1\n2")
    ends.close(ends.answers, ends.asked)
    assert ends.side.receive() == 1
    with pytest.raises(ChannelClosedError):
        ends.side.receive()
    with pytest.raises(ChannelClosedError):
        ends.side.send(1)


@pytest.mark.parametrize(
    ("line", "error"),
    [(b"{", ValueError), (b"", ValueError), (b"\xff", ValueError), (b"[" * 60000, RecursionError)],
)
def test_a_line_that_is_no_json_is_an_error_and_the_next_is_not(
    line: bytes, error: type[Exception], ends: Ends
) -> None:
    os.write(ends.answers, line + b"\n2\n")
    with pytest.raises(error):
        ends.side.receive()
    assert ends.side.receive() == 2


def test_what_json_cannot_tell_is_not_sent(ends: Ends) -> None:
    with pytest.raises(TypeError):
        ends.side.send(object())
    ends.close(ends.writes)
    with pytest.raises(ChannelClosedError):
        ends.other.receive()


def test_an_endless_answer_takes_no_memory(ends: Ends) -> None:
    def flood() -> None:
        with suppress(OSError):
            for _ in range(1000):
                os.write(ends.answers, b" " * CHANNEL_READ_BYTES)

    thread = threading.Thread(target=flood)
    thread.start()
    tracemalloc.start()
    with pytest.raises(ValueError, match="longer than 1 MiB"):
        ends.side.receive()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    ends.close(ends.reads)
    thread.join()
    assert peak < 3 * MAX_MESSAGE_LINE_BYTES


def test_a_message_is_one_line_of_ascii(ends: Ends) -> None:
    ends.side.send({"text": "a\nb\u00e4"})
    data = os.read(ends.asked, 100)
    assert data == json.dumps({"text": "a\nb\u00e4"}).encode("ascii") + b"\n"
    assert data.count(b"\n") == 1 and data.isascii()
