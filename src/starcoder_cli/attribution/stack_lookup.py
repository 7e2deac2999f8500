"""Ask The Stack's own membership service which parts of a text StarCoder was trained on.

The service is a data portrait (Marone and Van Durme 2023, "Data Portraits: Recording Foundation
Model Training Data"). It is queried as by its other clients: `{"document": TEXT}` is posted to
`/overlap`, which returns `{"spans": [[start, end], ...]}` in characters of that text.
"""

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from starcoder_cli.errors import (
    BusyError,
    MalformedError,
    ProtocolError,
    RefusedError,
    StarcoderError,
    UnavailableError,
    UsageError,
)
from starcoder_cli.files.read import STANDARD_INPUT
from starcoder_cli.files.secrets import contains_secret, has_secret_name
from starcoder_cli.files.source import Source, Span
from starcoder_cli.files.strict_json import parse_object
from starcoder_cli.models.transfer import call_with_timeout
from starcoder_cli.net.clients import describe_proxy, open_client
from starcoder_cli.net.endpoints import EndpointAddress, hide_secrets

if TYPE_CHECKING:
    from httpx2 import Client

DEFAULT_SERVICE_URL = "https://stack.dataportraits.org"
MIN_RUN_CHARACTERS = 50
"""The approximate length of the runs it knows; shorter ones cannot be found."""

SERVICE_LIMITS = (
    "it asks a Bloom filter, so a match may be wrong, and nothing shorter than "
    f"{MIN_RUN_CHARACTERS} characters is found"
)
WINDOW_CHARACTERS = 2500
OVERLAP_CHARACTERS = 2 * MIN_RUN_CHARACTERS
"""The overlap of consecutive requests, so that every run is whole in one of them."""

MAX_RANGE_CHARACTERS = 100_000
MAX_LOOKUP_RESPONSE_BYTES = 1 << 20
LOOKUP_CONNECT_SECONDS = 10.0
LOOKUP_SECONDS = 30.0
Bounded: TypeAlias = Callable[[Callable[[], bytes], float], bytes]
"""Calls a function that may hang: returns its result, or raises UnavailableError on timeout."""

LOOKUP_BUSY_STATUSES = (429, 503)
PRIVATE_KEY_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY")
PRIVATE_KEY_END = re.compile(r"-----END [A-Z0-9 ]*PRIVATE KEY")
LOOKUP_RETRY_HINT = "try again later"


def parse_service_url(url: str) -> EndpointAddress:
    """Parse a service's address, which must be https unless it is on this machine.

    Raises UsageError for an invalid address, RefusedError if others could read the traffic.
    """
    try:
        endpoint = EndpointAddress.parse(url)
    except UsageError:
        raise UsageError(
            f"{hide_secrets(url)!r} is not the address of a membership service",
            f"give one such as {DEFAULT_SERVICE_URL}",
        ) from None
    if endpoint.base_url.startswith("http:") and not endpoint.is_loopback:
        raise RefusedError(
            f"code would be sent to {endpoint.host} unencrypted", "give an https address"
        )
    return endpoint


def require_sendable(source: Source, span: Span) -> None:
    """Raise RefusedError if a range, or its lines, seem to hold a secret.

    Raises UsageError if it is too long to be sent.
    """
    if source.name != STANDARD_INPUT and has_secret_name(source.name):
        raise RefusedError(f"{source.name} has the name of a file of secrets", "it is never sent")
    key_ends = [key.end() for key in PRIVATE_KEY_BEGIN.finditer(source.raw, 0, span.start)]
    if key_ends and not PRIVATE_KEY_END.search(source.raw, key_ends[-1], span.start):
        raise build_secret_error(source, span.start)
    for line in source.lines:
        overlaps = line.start <= span.end and line.end >= span.start
        if overlaps and contains_secret(source.raw[line.start : line.end]):
            raise build_secret_error(source, line.start)
    if contains_secret(source.raw[span.start : span.end]):
        raise build_secret_error(source, span.start)
    if span.end - span.start > MAX_RANGE_CHARACTERS:
        raise UsageError(
            f"{span.end - span.start:,} characters are too many for --portrait",
            f"name a range of {MAX_RANGE_CHARACTERS:,} at most",
        )


def build_secret_error(source: Source, position: int) -> RefusedError:
    """The error for a text that contains a secret."""
    line_number = source.raw.count("\n", 0, position) + 1
    return RefusedError(
        f"{source.display_name} seems to hold a secret in line {line_number}: nothing was sent",
        "name a range without it",
    )


def split_into_windows(text: str) -> list[Span]:
    """Split a text into overlapping windows, one per request."""
    step = WINDOW_CHARACTERS - OVERLAP_CHARACTERS
    last = max(1, len(text) - OVERLAP_CHARACTERS)
    return [
        Span(start, min(start + WINDOW_CHARACTERS, len(text))) for start in range(0, last, step)
    ]


def look_up_text(
    text: str,
    service: EndpointAddress,
    report: Callable[[int, int], None],
    seconds: float = LOOKUP_SECONDS,
    bounded: Bounded = call_with_timeout,
) -> list[Span]:
    """The parts of a text that the service finds, in order and without overlaps.

    `report` gets the number of answered requests and their total. An answer may take `seconds`,
    which `bounded` enforces. Raises UnavailableError, BusyError or ProtocolError if a request
    fails.
    """
    text_windows = split_into_windows(text)
    spans: list[Span] = []
    with open_lookup_client(service, seconds) as client:
        for done, window in enumerate(text_windows):
            report(done, len(text_windows))
            document = re.sub("[\ud800-\udfff]", "\ufffd", text[window.start : window.end])
            post = partial(post_document, client, service, document, seconds)
            window_spans = parse_reply(service, len(document), partial(bounded, post, seconds))
            spans += (
                Span(window.start + span.start, window.start + span.end) for span in window_spans
            )
    return list(merge_spans(spans))


def open_lookup_client(service: EndpointAddress, seconds: float) -> "Client":
    """Open a client for the service; raises ConfigError if its proxy cannot be used."""
    from httpx2 import Timeout

    timeout = Timeout(seconds, connect=LOOKUP_CONNECT_SECONDS)
    return open_client(service.base_url, timeout, {"Accept-Encoding": "identity"})


def parse_reply(service: EndpointAddress, length: int, query: Callable[[], bytes]) -> list[Span]:
    """The parts of a document of `length` characters that the service's answer names."""
    from httpx2 import HTTPError

    try:
        data = query()
    except HTTPError as error:
        raise UnavailableError(
            f"{service.host} cannot be reached{describe_proxy(service.base_url)}: {error}",
            LOOKUP_RETRY_HINT,
        ) from error
    except UnavailableError as error:
        raise UnavailableError(f"{service.host}: {error.message}", LOOKUP_RETRY_HINT) from error
    try:
        return parse_spans(parse_object(data), length)
    except MalformedError as error:
        raise ProtocolError(
            f"{service.host} does not answer as a membership service does: {error}",
            LOOKUP_RETRY_HINT,
        ) from None


def post_document(
    client: "Client", service: EndpointAddress, document: str, seconds: float
) -> bytes:
    """The raw body of the response; raises TimeoutError after `seconds`."""
    content, headers = json.dumps({"document": document}), {"Content-Type": "application/json"}
    url, started, data = f"{service.base_url}/overlap", time.monotonic(), b""
    with client.stream("POST", url, content=content, headers=headers) as response:
        if response.status_code != 200:
            location = response.headers.get("Location", "")[:200]
            raise build_response_error(
                service, response.status_code, location if response.is_redirect else ""
            )
        for chunk in response.iter_raw():
            data += chunk
            if len(data) > MAX_LOOKUP_RESPONSE_BYTES:
                raise ProtocolError(f"{service.host} does not stop answering", LOOKUP_RETRY_HINT)
            # The caller has stopped waiting, or will soon.
            if time.monotonic() - started > seconds:
                raise TimeoutError
    return data


def build_response_error(service: EndpointAddress, status: int, location: str) -> StarcoderError:
    """The error for a failed response."""
    if location:
        return ProtocolError(
            f"{service.host} redirects to {location!r}, which is not followed",
            "give the address that it has now with --portrait-url",
        )
    if status in LOOKUP_BUSY_STATUSES:
        return BusyError(f"{service.host} is busy (status {status})", "try again in a moment")
    return UnavailableError(f"it answers with status {status}")


def parse_spans(reply: dict[str, object], length: int) -> list[Span]:
    """The spans of a reply about `length` characters; raises MalformedError if any is invalid."""
    rows = reply.get("spans")
    if not isinstance(rows, list):
        raise MalformedError("it has no list of spans")
    spans = []
    for row in rows:
        pair = row if isinstance(row, list) and len(row) == 2 else [None, None]
        start, end = pair
        if type(start) is not int or type(end) is not int or not 0 <= start <= end <= length:
            raise MalformedError("it has a span that is none of the text")
        spans.append(Span(start, end))
    return spans


def merge_spans(spans: Iterable[Span]) -> Iterator[Span]:
    """Sort the spans, merge those that overlap or touch, and drop empty ones."""
    current = Span(0, 0)
    for span in sorted(spans, key=lambda span: (span.start, span.end)):
        if span.start > current.end or current.start == current.end:
            if current.start < current.end:
                yield current
            current = span
        elif span.end > current.end:
            current = Span(current.start, span.end)
    if current.start < current.end:
        yield current


def count_characters(spans: Sequence[Span]) -> int:
    """The total number of characters in disjoint spans."""
    return sum(span.end - span.start for span in spans)
