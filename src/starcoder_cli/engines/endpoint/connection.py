"""HTTP to an endpoint: redirects are not followed, and some errors are retried.

The key is sent in a header and nowhere else, and is removed from whatever the server says.
"""

import json
import re
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from starcoder_cli.engines.endpoint.events import MAX_RESPONSE_BYTES, read_answer_events
from starcoder_cli.errors import ProtocolError, StarcoderError, UnavailableError
from starcoder_cli.net.clients import describe_proxy, open_client, read_body
from starcoder_cli.net.endpoints import EndpointAddress
from starcoder_cli.wire.errors import error_from_status, load_json, parse_endpoint_json
from starcoder_cli.wire.openai_client import PROPERTIES_ROUTE, Body, parse_window

if TYPE_CHECKING:
    from httpx2 import Response

ENDPOINT_CONNECT_SECONDS = 10.0
RETRY_PAUSES = (0.5, 1.0, 2.0)
"""Seconds between retries, if the server does not say how long to wait."""

MAX_RETRY_PAUSE = 60.0
RETRY_STATUSES = (429, 503)
NO_ROUTE = (404, 405, 501)
MAX_ERROR_BODY_BYTES = 1 << 16


class EndpointConnection:
    """Connections to an endpoint, kept open from one request to the next."""

    def __init__(self, endpoint: EndpointAddress, notify: Callable[[str], None]) -> None:
        """`notify` is called once, the first time something is retried."""
        from httpx2 import Timeout

        self._endpoint = endpoint
        self._notify = notify
        self._has_notified = False
        self._proxy = describe_proxy(endpoint.base_url)
        key = {"Authorization": f"Bearer {endpoint.api_key}"} if endpoint.api_key else {}
        timeout = Timeout(None, connect=ENDPOINT_CONNECT_SECONDS)
        self._client = open_client(endpoint.base_url, timeout, key)

    def request_json(self, method: str, route: str, body: Body | None = None) -> Body:
        """Return the JSON object in the response, or raise the error in it."""
        with self.request(method, route, body) as response:
            return self.read_json(response)

    def find_json(self, method: str, route: str, body: Body | None = None) -> Body | None:
        """Return the JSON object in the response, or None if the server has no such route."""
        with self.request(method, route, body, NO_ROUTE) as response:
            return None if response.status_code in NO_ROUTE else self.read_json(response)

    def find_window(self) -> int:
        """The window that a server reports apart from its models, as llama.cpp's does, or 0."""
        with suppress(StarcoderError):
            return parse_window(self.find_json("GET", PROPERTIES_ROUTE) or {})
        return 0

    def read_json(self, response: "Response") -> Body:
        """The JSON object in a response."""
        return parse_endpoint_json(read_body(response.iter_bytes(), MAX_RESPONSE_BYTES))

    def read_value(self, response: "Response") -> object:
        """The JSON value in a response, or None if it is not JSON."""
        return load_json(read_body(response.iter_bytes(), MAX_RESPONSE_BYTES))

    def error_from_response(self, response: "Response") -> StarcoderError:
        """The error that a response stands for."""
        if response.is_redirect:
            location = response.headers.get("Location", "")[:200]
            return ProtocolError(
                f"{self._endpoint.host} redirects to {location!r}, which is not followed",
                "give the address that it has now",
            )
        body = read_body(response.iter_bytes(), MAX_ERROR_BODY_BYTES)
        return self._without_key(error_from_status(response.status_code, body))

    def read_events(self, response: "Response") -> Iterator[bytes]:
        """Yield the data of each event of a response as soon as it arrives."""
        content_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return read_answer_events(response.iter_bytes(), content_type)

    @contextmanager
    def request(
        self,
        method: str,
        route: str,
        body: Body | None = None,
        allowed_statuses: Collection[int] = (),
    ) -> "Iterator[Response]":
        """Open a response that is read piece by piece; leaving early closes its connection.

        Raises the error it stands for, unless its status is one of `allowed_statuses`.
        """
        from httpx2 import HTTPError

        response = self._send_with_retries(method, route, body)
        try:
            if response.status_code != 200 and response.status_code not in allowed_statuses:
                raise self.error_from_response(response)
            yield response
        except HTTPError as error:
            raise UnavailableError(
                f"{self._endpoint.host} broke off ({type(error).__name__})", "try again"
            ) from error
        except StarcoderError as error:
            raise self._without_key(error) from error.__cause__
        finally:
            response.close()

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def _send_with_retries(self, method: str, route: str, body: Body | None) -> "Response":
        """Return the start of a response, after retries if the server is busy or starting."""
        from httpx2 import HTTPError

        content = None if body is None else json.dumps(body).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        for pause in (*RETRY_PAUSES, None):
            try:
                url = self._endpoint.base_url + route
                request = self._client.build_request(method, url, content=content, headers=headers)
                response = self._client.send(request, stream=True)
            except HTTPError as error:
                if pause is None or self._proxy or not is_connection_refused(error):
                    raise self._unreachable_error(error) from error
                wait = pause
            else:
                wait = parse_retry_after(response.headers.get("Retry-After", ""), pause or 0.0)
                if (
                    response.status_code not in RETRY_STATUSES
                    or pause is None
                    or wait > MAX_RETRY_PAUSE
                ):
                    return response
                response.close()
            self._notify_of_retry()
            time.sleep(wait)
        raise AssertionError("the last try returns or raises")

    def _notify_of_retry(self) -> None:
        if not self._has_notified:
            self._notify(f"{self._endpoint.host} is busy or not up yet: trying again")
        self._has_notified = True

    def _unreachable_error(self, error: Exception) -> StarcoderError:
        from httpx2 import ConnectTimeout

        host = f"{self._endpoint.host}{self._proxy}"
        hint = "check its address, and that it runs"
        if self._proxy:
            hint = "check that the proxy runs, or exclude the host with NO_PROXY"
        if isinstance(error, ConnectTimeout):
            return UnavailableError(
                f"{host} did not answer within {ENDPOINT_CONNECT_SECONDS:.0f} s", hint
            )
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            hint = "a certificate of your own is trusted where SSL_CERT_FILE names it"
        reason = re.sub(r"bytearray\(b(.*)\)", r"\1", str(error))  # a line that is not HTTP
        return self._without_key(UnavailableError(f"{host} cannot be reached: {reason}", hint))

    def _without_key(self, error: StarcoderError) -> StarcoderError:
        """The same error without the key, which some servers repeat."""
        key = self._endpoint.api_key
        if not key or key not in str(error):
            return error
        return type(error)(error.message.replace(key, "…"), error.hint.replace(key, "…"))


def parse_retry_after(header: str, default: float) -> float:
    """How many seconds to wait: what the server asks for in Retry-After, or the default."""
    from email.utils import parsedate_to_datetime

    try:
        if header.strip().isdigit():
            return float(header)
        return max(parsedate_to_datetime(header).timestamp() - time.time(), 0.0)
    except (TypeError, ValueError, OverflowError):
        return default


def is_connection_refused(error: BaseException | None) -> bool:
    """Whether an error was caused by nothing listening at the address."""
    while error is not None and not isinstance(error, ConnectionRefusedError):
        error = error.__cause__ or error.__context__
    return error is not None
