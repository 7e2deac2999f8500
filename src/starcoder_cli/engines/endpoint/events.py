"""The events in a response body, which some servers send whole, or as lines of JSON."""

import itertools
import json
from collections.abc import Iterable, Iterator

from starcoder_cli.errors import ProtocolError
from starcoder_cli.net.clients import read_body
from starcoder_cli.net.sse import BYTE_ORDER_MARK, read_events
from starcoder_cli.wire.errors import is_error, load_json

EVENT_STREAM_TYPE = "text/event-stream"
PAGE_TYPE = "text/html"
EVENT_BEGINNINGS = (b"data:", b"event:", b"id:", b"retry:", b"error:", b":")
MAX_RESPONSE_BYTES = 1 << 24
END_OF_BODY = b'{"choices": [{"finish_reason": "stop"}]}'
"""Ends a JSON answer that does not say why it ends: a truncated body would not be valid JSON."""


def read_answer_events(parts: Iterable[bytes], content_type: str) -> Iterator[bytes]:
    """Yield the data of each event in a body as soon as it arrives.

    A JSON body is one event, or one per line or per list item, whatever its content type says.
    Raises ProtocolError for a body that is none of these.
    """
    remaining, begin = iter(parts), b""
    while len(begin) < len("retry:") and (part := next(remaining, b"")):
        begin = (begin + part).removeprefix(BYTE_ORDER_MARK).lstrip()
    body = itertools.chain([begin], remaining)
    if begin.startswith((b"{", b"[")):
        yield from read_json_events(read_body(body, MAX_RESPONSE_BYTES), content_type)
    elif content_type == EVENT_STREAM_TYPE or (
        content_type != PAGE_TYPE and begin.startswith(EVENT_BEGINNINGS)
    ):
        for event in read_events(body):
            yield event.data
    else:
        raise no_events_error(content_type)


def read_json_events(data: bytes, content_type: str) -> Iterator[bytes]:
    """Yield the events in a JSON body, then END_OF_BODY; raises ProtocolError if it has none."""
    value = load_json(data)
    lines = [line for line in data.splitlines() if line.strip()]
    values = list(map(load_json, lines)) if value is None else [value]
    records = [
        record
        for value in values
        for record in (value if isinstance(value, list) else [value])
        if isinstance(record, dict)
    ]
    if not any(
        record.get("choices") or "content" in record or is_error(record) for record in records
    ):
        raise no_events_error(content_type)
    yield from (json.dumps(record).encode() for record in records)
    if None not in values:
        yield END_OF_BODY


def no_events_error(content_type: str) -> ProtocolError:
    """The error for a body with no answer in it."""
    return ProtocolError(
        f"the endpoint answers with {content_type or 'nothing known'} in place of events",
        "is its address right?",
    )
