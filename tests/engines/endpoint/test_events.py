"""Bodies of answers: events, JSON in their place, and what is neither."""

import json

import pytest

from starcoder_cli.engines.endpoint.events import (
    END_OF_BODY,
    read_answer_events,
)
from starcoder_cli.errors import ProtocolError

ONE = {"choices": [{"text": "a"}]}
TWO = {"choices": [{"text": "b", "finish_reason": "stop"}]}
WHOLE = json.dumps([ONE, TWO])
LINES = f"{json.dumps(ONE)}\n\n{json.dumps(TWO)}\n"


def pieces(text: str, size: int) -> list[bytes]:
    """A text in pieces of so many bytes."""
    data = text.encode()
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize("kind", ["text/event-stream", "application/json", "", "text/plain"])
def test_events_and_json_are_told_apart_by_what_they_are(kind: str, size: int) -> None:
    for text in (WHOLE, LINES, f"\ufeff\n {WHOLE}"):
        found = list(read_answer_events(pieces(text, size), kind))
        assert [json.loads(each) for each in found[:-1]] == [ONE, TWO] and found[-1] == END_OF_BODY
    for begin in (": hello\n\n", "event: x\r\n", "id: 1\n", ""):
        found = list(read_answer_events(pieces(f"{begin}data: 1\n\ndata: 2\n\n", size), kind))
        assert found == [b"1", b"2"]


def test_lines_of_json_that_break_off_have_no_end() -> None:
    found = list(read_answer_events([LINES.encode(), b'{"choi'], "application/json"))
    assert [json.loads(each) for each in found] == [ONE, TWO]


@pytest.mark.parametrize(
    ("text", "kind", "named"),
    [
        ("<html>data: 1", "text/html", "text/html"),
        ("data: 1\n\n", "text/html", "text/html"),
        ("yes", "", "nothing known"),
        ("", "text/plain", "text/plain"),
        ('{"choices": []}', "application/json", "application/json"),
        ('{"choices": [{"te', "application/json", "application/json"),
        ("[1, 2]", "application/json", "application/json"),
        ("[" * 100_000, "application/json", "application/json"),
    ],
)
def test_what_is_no_answer_is_named_by_its_type(text: str, kind: str, named: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        list(read_answer_events(pieces(text, 4096), kind))
    assert caught.value.message == f"the endpoint answers with {named} in place of events"


def test_an_error_in_place_of_an_answer_is_one_event() -> None:
    found = list(read_answer_events([b'{"detail": "no"}'], "application/json"))
    assert [json.loads(each) for each in found[:-1]] == [{"detail": "no"}]
