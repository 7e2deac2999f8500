"""What The Stack's own membership service says of a text: parts that StarCoder was trained on.

The service is a data portrait (Marone and Van Durme 2023, "Data Portraits: Recording Foundation
Model Training Data"). It is asked as its other clients do: `{"document": TEXT}` is posted to
`/overlap`, and `{"spans": [[start, end], ...]}` comes back, in characters of that text.
"""

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from starcoder_cli import __version__
from starcoder_cli.context.secrets import secret_name, secret_text
from starcoder_cli.errors import (
    BusyError,
    ProtocolError,
    RefusedError,
    StarcoderError,
    UnavailableError,
    UsageError,
)
from starcoder_cli.files.read import STANDARD_INPUT
from starcoder_cli.files.source import Source, Span
from starcoder_cli.files.strict_json import MalformedError, parse_object
from starcoder_cli.models.transfer import bounded
from starcoder_cli.net.endpoints import Endpoint

if TYPE_CHECKING:
    from httpx2 import Client

SERVICE = "https://stack.dataportraits.org"
SHORTEST = 50
"""It knows runs of about so many characters; what is shorter cannot be found."""

LIMITS = (
    f"it asks a Bloom filter, so that a part may be found by mistake, and none below {SHORTEST} "
    "characters is found"
)
WINDOW = 2500
OVERLAP = 2 * SHORTEST
"""Characters that a request has in common with the one before: a run lies whole in one of them."""

MOST_CHARACTERS = 100_000
MOST_BYTES = 1 << 20
CONNECT_SECONDS = 10.0
SECONDS = 30.0
BUSY = (429, 503)
KEY_BEGINS = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY")
KEY_ENDS = re.compile(r"-----END [A-Z0-9 ]*PRIVATE KEY")
AGAIN = "try again later"


def service(url: str) -> Endpoint:
    """The service at an address, which is https unless it is on this machine.

    Raises UsageError for what is no such address, RefusedError where others could read along.
    """
    try:
        found = Endpoint.parse(url)
    except UsageError:
        shown = re.sub(r"//[^/@]*@", "//…@", url)
        raise UsageError(
            f"{shown!r} is no address of a membership service", f"give one such as {SERVICE}"
        ) from None
    if found.root.startswith("http:") and not found.loopback:
        raise RefusedError(f"code would go to {found.host} in the open", "give an https address")
    return found


def check(source: Source, span: Span) -> None:
    """Raise RefusedError where a range, or its lines, look as if they held a secret.

    UsageError where it is too long to be sent.
    """
    if source.name != STANDARD_INPUT and secret_name(source.name):
        raise RefusedError(f"{source.name} has the name of a file of secrets", "it is never sent")
    begun = [key.end() for key in KEY_BEGINS.finditer(source.raw, 0, span.start)]
    if begun and not KEY_ENDS.search(source.raw, begun[-1], span.start):
        raise held_back(source, span.start)
    for line in source.lines:
        near = line.start <= span.end and line.end >= span.start
        if near and secret_text(source.raw[line.start : line.end]):
            raise held_back(source, line.start)
    if secret_text(source.raw[span.start : span.end]):
        raise held_back(source, span.start)
    if span.end - span.start > MOST_CHARACTERS:
        raise UsageError(
            f"{span.end - span.start:,} characters are too many for --portrait",
            f"name a range of {MOST_CHARACTERS:,} at most",
        )


def held_back(source: Source, at: int) -> RefusedError:
    """The error for a text with a secret in it."""
    number = source.raw.count("\n", 0, at) + 1
    return RefusedError(
        f"{source.title} seems to hold a secret in line {number}: nothing was sent",
        "name a range without it",
    )


def windows(text: str) -> list[Span]:
    """The parts of a text that are asked about, each with the end of the one before."""
    step = WINDOW - OVERLAP
    last = max(1, len(text) - OVERLAP)
    return [Span(at, min(at + WINDOW, len(text))) for at in range(0, last, step)]


def portrait(text: str, place: Endpoint, report: Callable[[int, int], None]) -> list[Span]:
    """The parts of a text that the service finds, in their order and apart from each other.

    `report` is told how many of how many requests are answered. Raises UnavailableError, BusyError
    or ProtocolError where one is not.
    """
    parts = windows(text)
    found: list[Span] = []
    with opened(place) as client:
        for done, part in enumerate(parts):
            report(done, len(parts))
            document = re.sub("[\ud800-\udfff]", "\ufffd", text[part.start : part.end])
            spans = asked(client, place, document)
            found += (Span(part.start + each.start, part.start + each.end) for each in spans)
    return list(merged(found))


def opened(place: Endpoint) -> "Client":
    """A client for the service: certificates are checked, no redirect is followed."""
    from httpx2 import Client, Timeout

    return Client(
        headers={"User-Agent": f"starcoder/{__version__}", "Accept-Encoding": "identity"},
        timeout=Timeout(SECONDS, connect=CONNECT_SECONDS),
        mounts={f"all://{place.name}": None} if place.loopback else None,
    )


def asked(client: "Client", place: Endpoint, document: str) -> list[Span]:
    """The parts of a document that the service finds."""
    from httpx2 import HTTPError

    try:
        data = bounded(lambda: answered(client, place, document), SECONDS)
    except HTTPError as error:
        raise UnavailableError(f"{place.host} cannot be reached: {error}", AGAIN) from error
    except UnavailableError as error:
        raise UnavailableError(f"{place.host}: {error.message}", AGAIN) from error
    try:
        return spans_of(parse_object(data), len(document))
    except MalformedError as wrong:
        raise ProtocolError(
            f"{place.host} does not answer as a membership service does: {wrong}", AGAIN
        ) from None


def answered(client: "Client", place: Endpoint, document: str) -> bytes:
    """The body of an answer, as it is sent; TimeoutError where it takes longer than SECONDS."""
    content, headers = json.dumps({"document": document}), {"Content-Type": "application/json"}
    url, begin, data = f"{place.root}/overlap", time.monotonic(), b""
    with client.stream("POST", url, content=content, headers=headers) as response:
        if response.status_code != 200:
            location = response.headers.get("Location", "")[:200]
            raise problem(place, response.status_code, location if response.is_redirect else "")
        for piece in response.iter_raw():
            data += piece
            if len(data) > MOST_BYTES:
                raise ProtocolError(f"{place.host} does not stop answering", AGAIN)
            if time.monotonic() - begin > SECONDS:  # nobody waits any more, or will not for long
                raise TimeoutError
    return data


def problem(place: Endpoint, status: int, location: str) -> StarcoderError:
    """The error that an answer is."""
    if location:
        return ProtocolError(
            f"{place.host} redirects to {location!r}, which is not followed",
            "give the address that it has now with --portrait-url",
        )
    if status in BUSY:
        return BusyError(f"{place.host} is busy (status {status})", "try again in a moment")
    return UnavailableError(f"it answers with status {status}")


def spans_of(reply: dict[str, object], length: int) -> list[Span]:
    """The spans of a reply about so many characters; MalformedError where it has others."""
    rows = reply.get("spans")
    if not isinstance(rows, list):
        raise MalformedError("it has no list of spans")
    found = []
    for row in rows:
        numbers = row if isinstance(row, list) and len(row) == 2 else [None, None]
        start, end = numbers
        if type(start) is not int or type(end) is not int or not 0 <= start <= end <= length:
            raise MalformedError("it has a span that is none of the text")
        found.append(Span(start, end))
    return found


def merged(spans: Iterable[Span]) -> Iterator[Span]:
    """The spans in their order, those that overlap or touch as one, empty ones left out."""
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


def characters(spans: Sequence[Span]) -> int:
    """How many characters are in spans that are apart from each other."""
    return sum(span.end - span.start for span in spans)
