"""HTTP to an endpoint: certificates are checked, redirects are not followed, some errors retried.

Proxies and certificates are those of the environment, but for an endpoint on this machine, which
no proxy reaches. The key is in a header and nowhere else: what a server says is searched for it.
"""

import json
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from starcoder_cli import __version__
from starcoder_cli.errors import ProtocolError, StarcoderError, UnavailableError
from starcoder_cli.net.endpoints import Endpoint
from starcoder_cli.net.sse import Lines
from starcoder_cli.wire.errors import parsed, problem
from starcoder_cli.wire.openai_client import Body

if TYPE_CHECKING:
    from httpx2 import Response

CONNECT_SECONDS = 10.0
PAUSES = (0.5, 1.0, 2.0)
"""Seconds between tries, where the server does not say how many."""

MOST_PAUSE = 60.0
BUSY = (429, 503)
ABSENT = (404, 405, 501)
MOST_BYTES = 1 << 24
MOST_ERROR_BYTES = 1 << 16
EVENTS = "text/event-stream"


class Connection:
    """Connections to an endpoint, kept open from one request to the next."""

    def __init__(self, endpoint: Endpoint, note: Callable[[str], None]) -> None:
        """`note` is told, once, that something is tried again."""
        from httpx2 import Client, Timeout

        self._endpoint = endpoint
        self._note = note
        self._noted = False
        headers = {"User-Agent": f"starcoder/{__version__}"}
        if endpoint.key:
            headers["Authorization"] = f"Bearer {endpoint.key}"
        direct = {f"all://{endpoint.name}": None}
        self._client = Client(
            headers=headers,
            timeout=Timeout(None, connect=CONNECT_SECONDS),
            mounts=direct if endpoint.loopback else None,
        )

    def ask(self, method: str, route: str, body: Body | None = None) -> Body:
        """The JSON object that is answered; raises the error that is answered instead."""
        with self.request(method, route, body) as response:
            return self.record(response)

    def perhaps(self, method: str, route: str, body: Body | None = None) -> Body | None:
        """The JSON object that is answered; None where the server has no such route."""
        with self.request(method, route, body, ABSENT) as response:
            return None if response.status_code in ABSENT else self.record(response)

    def record(self, response: "Response") -> Body:
        """The JSON object that an answer is."""
        return parsed(whole(response, MOST_BYTES))

    def problem(self, response: "Response") -> StarcoderError:
        """The error that an answer is."""
        if response.is_redirect:
            place = response.headers.get("Location", "")[:200]
            return ProtocolError(
                f"{self._endpoint.host} redirects to {place!r}, which is not followed",
                "give the address that it has now",
            )
        return problem(response.status_code, whole(response, MOST_ERROR_BYTES))

    def events(self, response: "Response") -> Iterator[bytes]:
        """The data of each event of an answer, as soon as it is there."""
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind != EVENTS:
            raise ProtocolError(
                f"the endpoint answers with {kind or 'nothing known'} in place of events",
                "is its address right?",
            )
        lines = Lines()
        for data in response.iter_bytes():
            yield from lines.feed(data)

    @contextmanager
    def request(
        self, method: str, route: str, body: Body | None = None, passed: Collection[int] = ()
    ) -> "Iterator[Response]":
        """An answer that is read piece by piece; leaving early closes its connection.

        Raises the error that it is, unless its status is one of those `passed` on.
        """
        from httpx2 import HTTPError

        response = self._tried(method, route, body)
        try:
            if response.status_code != 200 and response.status_code not in passed:
                raise self.problem(response)
            yield response
        except HTTPError as error:
            raise UnavailableError(
                f"{self._endpoint.host} broke off ({type(error).__name__})", "try again"
            ) from error
        except StarcoderError as error:
            raise self._discreet(error) from error.__cause__
        finally:
            response.close()

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def _tried(self, method: str, route: str, body: Body | None) -> "Response":
        """The beginning of an answer, after some tries where the server is busy or starting."""
        from httpx2 import HTTPError

        content = None if body is None else json.dumps(body).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        for pause in (*PAUSES, None):
            try:
                url = self._endpoint.root + route
                request = self._client.build_request(method, url, content=content, headers=headers)
                response = self._client.send(request, stream=True)
            except HTTPError as error:
                if pause is None or not is_refused(error):
                    raise self._unreachable(error) from error
                wait = pause
            else:
                wait = pause_of(response.headers.get("Retry-After", ""), pause or 0.0)
                if response.status_code not in BUSY or pause is None or wait > MOST_PAUSE:
                    return response
                response.close()
            self._say_again()
            time.sleep(wait)
        raise AssertionError("the last try returns or raises")

    def _say_again(self) -> None:
        if not self._noted:
            self._note(f"{self._endpoint.host} is busy or not up yet: trying again")
        self._noted = True

    def _unreachable(self, error: Exception) -> StarcoderError:
        from httpx2 import ConnectTimeout

        host = self._endpoint.host
        if isinstance(error, ConnectTimeout):
            return UnavailableError(
                f"{host} did not answer within {CONNECT_SECONDS:.0f} s", "check the address"
            )
        way = "check its address, and that it runs"
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            way = "a certificate of your own is trusted where SSL_CERT_FILE names it"
        return self._discreet(UnavailableError(f"{host} cannot be reached: {error}", way))

    def _discreet(self, error: StarcoderError) -> StarcoderError:
        """The same error without the key, which some servers repeat."""
        key = self._endpoint.key
        if not key or key not in str(error):
            return error
        return type(error)(error.message.replace(key, "…"), error.hint.replace(key, "…"))


def whole(response: "Response", most: int) -> bytes:
    """The body of an answer, as much of it as is reasonable."""
    data = b""
    for piece in response.iter_bytes():
        data += piece
        if len(data) > most:
            break
    return data[:most]


def pause_of(asked: str, usual: float) -> float:
    """How many seconds to wait, as the server asks for in Retry-After, or as usual."""
    from email.utils import parsedate_to_datetime

    try:
        if asked.strip().isdigit():
            return float(asked)
        return max(parsedate_to_datetime(asked).timestamp() - time.time(), 0.0)
    except (TypeError, ValueError, OverflowError):
        return usual


def is_refused(error: BaseException | None) -> bool:
    """Whether an error comes from nobody listening."""
    while error is not None and not isinstance(error, ConnectionRefusedError):
        error = error.__cause__ or error.__context__
    return error is not None
