"""What stands before every route of the HTTP API: who may ask, from where, and how much."""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from starcoder_cli.wire.errors import ApiError

MOST_BYTES = 4 << 20
OPEN = "/health"
"""The only route that answers without a key."""

JSON = b"application/json"
SAFE_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"connection", b"close"),  # a connection has one request: nothing can hide behind it
)


@dataclass(frozen=True)
class Guard:
    """Passes on to `app` only what programs of this user ask; a browser's page is none of them.

    `hosts` are the values that a Host header may have, in lower case.
    """

    app: ASGIApp
    key: bytes = field(repr=False)
    hosts: frozenset[bytes]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it before anything of it is worked on."""

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *SAFE_HEADERS]}
            await send(message)

        try:
            self.check(scope)
        except ApiError as error:
            if is_sending(scope):
                await drain(receive)
            await refuse(error, answer)
            return
        try:
            received = replay(await body(receive), receive)
        except ApiError as error:
            await refuse(error, answer)
            return
        await self.app(scope, received, answer)

    def check(self, scope: Scope) -> None:
        """ApiError for a request that is not to be answered."""
        headers: dict[bytes, list[bytes]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name, []).append(value)
        host = headers.get(b"host", [])
        if len(host) != 1 or host[0].lower() not in self.hosts:
            raise ApiError(400, "the Host header does not name this server", code="bad_host")
        if b"content-length" in headers and b"transfer-encoding" in headers:
            raise ApiError(400, "the length of the request is told twice", code="bad_length")
        foreign = any(site not in (b"none", b"same-origin") for site in sites(headers))
        if b"origin" in headers or foreign:
            raise ApiError(403, "web pages are not answered", code="cross_origin")
        if scope["path"] != OPEN and not self.knows(headers.get(b"authorization", [])):
            raise ApiError(401, "the key is missing or wrong", code="invalid_api_key")
        if scope["method"] == "POST" and not is_json(headers.get(b"content-type", [])):
            raise ApiError(415, "the Content-Type has to be application/json", code="bad_type")

    def knows(self, credentials: list[bytes]) -> bool:
        """Whether there is one key, and it is ours."""
        kind, _, key = b"".join(credentials[:1]).partition(b" ")
        right = hmac.compare_digest(key.strip(), self.key)
        return right and kind.lower() == b"bearer" and len(credentials) == 1


def sites(headers: Mapping[bytes, list[bytes]]) -> list[bytes]:
    """Where a browser says that a request comes from."""
    return [value.lower() for value in headers.get(b"sec-fetch-site", [])]


def is_json(kinds: list[bytes]) -> bool:
    """Whether a request says that it is JSON, and nothing else."""
    return len(kinds) == 1 and kinds[0].partition(b";")[0].strip().lower() == JSON


def is_sending(scope: Scope) -> bool:
    """Whether a body may be on its way whose end can be told.

    A client that expects 100-continue sends none before it hears of us.
    """
    names = {name for name, _ in scope["headers"]}
    return b"expect" not in names and not {b"content-length", b"transfer-encoding"} <= names


async def drain(receive: Receive) -> None:
    """Read a body, as far as its time goes, and let it go.

    A client that is still sending would not hear an answer: the system tells it first that nobody
    reads what it sends.
    """
    message = await receive()
    while message.get("more_body", False):
        message = await receive()


async def body(receive: Receive) -> bytes:
    """All of a request's body; ApiError for more than it may have."""
    data, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ApiError(400, "the request is not whole")
        data += message.get("body", b"")
        more = message.get("more_body", False)
        if len(data) > MOST_BYTES:
            if more:
                await drain(receive)
            raise ApiError(413, f"the request has more than {MOST_BYTES} bytes", code="too_large")
    return bytes(data)


def replay(data: bytes, receive: Receive) -> Receive:
    """What gives a body that has been read, and then whatever comes."""
    left = [data]

    async def again() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await receive()

    return again


async def refuse(error: ApiError, send: Send) -> None:
    """Answer with an error."""
    data = json.dumps(error.record()).encode()
    headers = {"Content-Type": JSON.decode(), "Content-Length": str(len(data)), **error.headers()}
    told = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": error.status, "headers": told})
    await send({"type": "http.response.body", "body": data})
