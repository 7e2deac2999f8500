"""What llama.cpp's own server tells of an answer, read as chunks."""

import json
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from starcoder_cli.errors import ProtocolError
from starcoder_cli.net.http import HttpRequest
from starcoder_cli.stream import Chunk, collect
from starcoder_cli.wire.llamacpp_events import (
    event_logprob,
    get_count,
    parse_chunks,
    parse_refusal,
    read_completion_events,
)

WORD: dict[str, object] = {
    "content": "a ",
    "tokens": [7],
    "tokens_predicted": 1,
    "tokens_evaluated": 5,
    "prompt_progress": {"cache": 3},
    "completion_probabilities": [{"logprob": -0.5}],
}
LAST: dict[str, object] = {"content": "b", "tokens_predicted": 2, "stop": True}


@contextmanager
def answering(body: bytes) -> Iterator[HttpRequest]:
    """A request that is answered with these bytes."""
    ours, theirs = socket.socketpair()
    with theirs, closing(HttpRequest(ours)) as exchange:
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
        theirs.sendall(head.encode() + body)
        exchange.send("POST", "/completion")
        yield exchange


def test_events_become_chunks() -> None:
    first, last = parse_chunks(iter([WORD, LAST]), set())
    assert first == Chunk("a ", 1, None, 5, -0.5, cached_tokens=3)
    assert (last.text, last.tokens, last.reason, last.cached_tokens) == ("b", 1, "stop", 3)


def test_a_limit_is_no_end_of_the_models_own() -> None:
    limited = {**LAST, "stop_type": "limit"}
    assert collect(parse_chunks(iter([WORD, limited]), set())).reason == "length"


def test_a_token_that_ends_an_answer_shows_no_text() -> None:
    chunks = list(parse_chunks(iter([WORD, {**LAST, "tokens": [2]}, WORD]), {2}))
    assert [chunk.text for chunk in chunks] == ["a ", ""]
    assert (chunks[-1].reason, chunks[-1].tokens) == ("stop", 1)


def test_what_is_no_number_counts_nothing() -> None:
    assert get_count({"n": "3"}, "n") == get_count({}, "n") == 0
    assert event_logprob({}) == event_logprob({"completion_probabilities": [{}]}) == 0


def test_events_come_one_by_one() -> None:
    sent = b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in (WORD, LAST))
    with answering(sent) as exchange:
        assert list(read_completion_events(exchange)) == [WORD, LAST]


@pytest.mark.parametrize(
    "event",
    [
        b'data: {"error": {"message": "too long", "code": 400}}\n\n',
        b'error: {"code": 400, "message": "too long"}\n\n',
    ],
)
def test_a_refusal_is_an_error_of_ours(event: bytes) -> None:
    with answering(event) as exchange, pytest.raises(ProtocolError, match="refused.*too long"):
        list(read_completion_events(exchange))


def test_a_refusal_in_no_known_form_is_told_as_it_is() -> None:
    assert parse_refusal(b"what?")[0] == "llama.cpp refused the request: what?"
