"""Access checks before every route of the HTTP API: who may ask, from where, and how much."""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from starcoder_cli.wire.errors import ApiError

MAX_HTTP_REQUEST_BYTES = 4 << 20
PUBLIC_ROUTES = ("/health", "/v1/health")
"""The only routes that answer without a key; they reveal nothing."""

JSON_TYPE = b"application/json"
SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"connection", b"close"),  # one request per connection: none can be smuggled in after it
)


@dataclass(frozen=True)
class AccessMiddleware:
    """Lets only this user's programs through to `app`, and no web pages.

    `host_headers` are the accepted values of the Host header, in lower case.
    """

    app: ASGIApp
    key: bytes = field(repr=False)
    host_headers: frozenset[bytes]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it before doing any work on it."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *SECURITY_HEADERS]}
            await send(message)

        try:
            self.check_request(scope)
        except ApiError as error:
            if has_pending_body(scope):
                await drain_body(receive)
            await send_error(error, send_with_headers)
            return
        try:
            receive_replayed = replay_body(await read_http_request(receive), receive)
        except ApiError as error:
            await send_error(error, send_with_headers)
            return
        await self.app(scope, receive_replayed, send_with_headers)

    def check_request(self, scope: Scope) -> None:
        """Raise ApiError for a request that must not be answered."""
        headers: dict[bytes, list[bytes]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name, []).append(value)
        host = headers.get(b"host", [])
        if len(host) != 1 or host[0].lower() not in self.host_headers:
            raise ApiError(400, "the Host header does not name this server", code="bad_host")
        if b"content-length" in headers and b"transfer-encoding" in headers:
            raise ApiError(400, "the request states its length twice", code="bad_length")
        is_cross_site = any(site not in (b"none", b"same-origin") for site in fetch_sites(headers))
        if b"origin" in headers or is_cross_site:
            raise ApiError(403, "requests from web pages are refused", code="cross_origin")
        if scope["path"] not in PUBLIC_ROUTES and not self.has_valid_key(headers):
            raise ApiError(401, "the key is missing or wrong", code="invalid_api_key")
        if scope["method"] == "POST" and not is_json_type(headers.get(b"content-type", [])):
            raise ApiError(415, "the Content-Type has to be application/json", code="bad_type")

    def has_valid_key(self, headers: Mapping[bytes, list[bytes]]) -> bool:
        """Whether there is a key, as a bearer token, as `x-api-key` or both, and all are right.

        Continue sends the same key both ways.
        """
        own_keys, credentials = headers.get(b"x-api-key", []), headers.get(b"authorization", [])
        if max(len(own_keys), len(credentials)) != 1:
            return False
        keys = [*own_keys, *map(bearer_key, credentials)]
        return all(hmac.compare_digest(key.strip(), self.key) for key in keys)


def bearer_key(credentials: bytes) -> bytes:
    """The key in an Authorization header; empty for any other scheme."""
    scheme, _, key = credentials.partition(b" ")
    return key if scheme.lower() == b"bearer" else b""


def fetch_sites(headers: Mapping[bytes, list[bytes]]) -> list[bytes]:
    """The values of Sec-Fetch-Site: where a browser says that a request comes from."""
    return [value.lower() for value in headers.get(b"sec-fetch-site", [])]


def is_json_type(content_types: list[bytes]) -> bool:
    """Whether a request declares itself as JSON, and nothing else."""
    return (
        len(content_types) == 1 and content_types[0].partition(b";")[0].strip().lower() == JSON_TYPE
    )


def has_pending_body(scope: Scope) -> bool:
    """Whether a body whose end can be detected may be on its way.

    A client that expects 100-continue sends no body until it hears from us.
    """
    names = {name for name, _ in scope["headers"]}
    return b"expect" not in names and not {b"content-length", b"transfer-encoding"} <= names


async def drain_body(receive: Receive) -> None:
    """Read a body and discard it, for as long as the connection may take.

    A client that is still sending would miss the answer: closing makes the system reset the
    connection first.
    """
    message = await receive()
    while message.get("more_body", False):
        message = await receive()


async def read_http_request(receive: Receive) -> bytes:
    """Read the whole body of a request; raises ApiError if it is too large."""
    data, has_more = bytearray(), True
    while has_more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ApiError(400, "the request is incomplete")
        data += message.get("body", b"")
        has_more = message.get("more_body", False)
        if len(data) > MAX_HTTP_REQUEST_BYTES:
            if has_more:
                await drain_body(receive)
            raise ApiError(
                413, f"the request has more than {MAX_HTTP_REQUEST_BYTES} bytes", code="too_large"
            )
    return bytes(data)


def replay_body(data: bytes, receive: Receive) -> Receive:
    """A receive function that returns an already read body, and then whatever follows."""
    unread = [data]

    async def receive_replayed() -> Message:
        if unread:
            return {"type": "http.request", "body": unread.pop(), "more_body": False}
        return await receive()

    return receive_replayed


async def send_error(error: ApiError, send: Send) -> None:
    """Send an error as the answer."""
    data = json.dumps(error.to_record()).encode()
    headers = {
        "Content-Type": JSON_TYPE.decode(),
        "Content-Length": str(len(data)),
        **error.headers(),
    }
    encoded_headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": error.status, "headers": encoded_headers})
    await send({"type": "http.response.body", "body": data})
