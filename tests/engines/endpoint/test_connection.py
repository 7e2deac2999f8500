"""HTTP to an endpoint: what is checked, what is tried again, and who never hears of the key."""

import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sites import Fault, Site, body, serving, status
from starcoder_cli import __version__
from starcoder_cli.engines.endpoint.connection import (
    NO_ROUTE,
    EndpointConnection,
    is_connection_refused,
    parse_retry_after,
)
from starcoder_cli.engines.endpoint.events import MAX_RESPONSE_BYTES
from starcoder_cli.errors import BusyError, ProtocolError, StarcoderError, UnavailableError
from starcoder_cli.net.endpoints import EndpointAddress

KEY = "sentinel-4711-key"
ROUTE = "/v1/completions"


@pytest.fixture
def site() -> Iterator[Site]:
    """A vLLM."""
    with serving() as site:
        yield site


@pytest.fixture
def told() -> list[str]:
    """What somebody is notified of."""
    return []


@pytest.fixture
def connection(site: Site, told: list[str]) -> Iterator[EndpointConnection]:
    """Connections to it."""
    with closing(EndpointConnection(EndpointAddress.parse(site.url, KEY), told.append)) as opened:
        yield opened


def error_of(connection: EndpointConnection, site: Site, fault: Fault) -> StarcoderError:
    """The error that an answer is turned into."""
    site.faults = [fault]
    with pytest.raises(StarcoderError) as caught:
        connection.request_json("POST", ROUTE, {})
    return caught.value


def test_a_request_has_the_key_in_its_head_and_a_body_of_json(
    connection: EndpointConnection, site: Site
) -> None:
    site.key = KEY
    assert connection.request_json("GET", "/v1/models")["object"] == "list"
    site.faults = [body('{"a": 1}', "application/json")]
    assert connection.request_json("POST", ROUTE, {"prompt": "ä"}) == {"a": 1}
    asked = site.last()
    assert (asked.headers["Authorization"], asked.headers["Content-Type"], asked.body) == (
        *(f"Bearer {KEY}", "application/json", {"prompt": "ä"}),
    )
    assert asked.headers["User-Agent"] == f"starcoder/{__version__}"


@pytest.mark.parametrize("number", NO_ROUTE)
def test_a_route_that_is_not_there_is_none(
    number: int, connection: EndpointConnection, site: Site
) -> None:
    site.faults = [status(number), status(number)]
    assert connection.find_json("POST", ROUTE, {}) is None
    with pytest.raises(StarcoderError, match=str(number)):
        connection.request_json("POST", ROUTE, {})


def test_a_busy_server_is_asked_as_often_as_it_wants_and_no_more_than_four_times(
    connection: EndpointConnection, site: Site, told: list[str]
) -> None:
    site.faults = [status(number, Retry_After="0") for number in (429, 503, 429)]
    site.faults.append(body("{}", "application/json"))
    assert connection.request_json("POST", ROUTE, {}) == {}
    site.faults = [status(429, Retry_After="0") for _ in range(5)]
    with pytest.raises(BusyError):
        connection.request_json("POST", ROUTE, {})
    assert (len(site.faults), len(site.asked)) == (1, 8)
    assert told == [f"{site.url.removeprefix('http://')} is busy or not up yet: trying again"]


@pytest.mark.parametrize("number", [500, 502, 400])
def test_other_errors_are_not_tried_again(
    number: int, connection: EndpointConnection, site: Site, told: list[str]
) -> None:
    error_of(connection, site, status(number))
    assert (len(site.asked), told) == (1, [])


def test_nobody_waits_for_longer_than_a_minute(
    connection: EndpointConnection, site: Site, told: list[str]
) -> None:
    assert isinstance(error_of(connection, site, status(429, Retry_After="61")), BusyError)
    assert (len(site.asked), told) == (1, [])


def test_a_redirect_is_not_followed(connection: EndpointConnection, site: Site) -> None:
    with serving() as other:
        error = error_of(connection, site, status(302, Location=f"{other.url}/{'a' * 300}"))
        assert isinstance(error, ProtocolError)
        assert f"redirects to '{other.url}/aaa" in error.message
        assert len(error.message) < 300
        assert other.asked == []


def test_the_key_is_in_no_error(connection: EndpointConnection, site: Site) -> None:
    error = error_of(connection, site, status(401, f"no such key: {KEY}, {KEY}"))
    assert KEY not in str(error) and "no such key: …, …" in error.message
    assert type(error).__name__ == type(error_of(connection, site, status(401, "no"))).__name__


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": "' + "b" * MAX_RESPONSE_BYTES])
def test_an_answer_that_is_no_object_or_has_no_end_is_refused(
    text: str, connection: EndpointConnection, site: Site
) -> None:
    assert isinstance(error_of(connection, site, body(text, "application/json")), ProtocolError)


@pytest.mark.parametrize(
    ("kind", "named"), [("text/html; charset=utf-8", "text/html"), ("", "nothing known")]
)
def test_events_are_told_by_their_type(
    kind: str, named: str, connection: EndpointConnection, site: Site
) -> None:
    site.faults = [body("data: 1\n\n" if kind else "yes", kind)]
    with (
        pytest.raises(ProtocolError) as caught,
        connection.request("POST", ROUTE, {}) as response,
    ):
        list(connection.read_events(response))
    assert caught.value.message == f"the endpoint answers with {named} in place of events"
    site.faults = [body("data: 1\n\ndata: 2\n\n", "Text/Event-Stream; charset=utf-8")]
    with connection.request("POST", ROUTE, {}) as response:
        assert list(connection.read_events(response)) == [b"1", b"2"]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("", 1.5),
        ("7", 7),
        (" 7 ", 7),
        ("-7", 1.5),
        ("7.5", 1.5),
        ("soon", 1.5),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Thu, 01 Jan 99999 00:00:00 GMT", 1.5),
    ],
)
def test_how_long_a_server_wants_one_to_wait(header: str, seconds: float) -> None:
    assert parse_retry_after(header, 1.5) == seconds


def test_until_when_a_server_wants_one_to_wait() -> None:
    soon = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 7200))
    assert 3600 < parse_retry_after(soon, 1.0) <= 7200


def test_nobody_listens_is_told_by_what_an_error_comes_from() -> None:
    refused = RuntimeError("outer")
    refused.__cause__ = OSError("middle")
    refused.__cause__.__context__ = ConnectionRefusedError("nobody")
    assert is_connection_refused(refused)
    assert not is_connection_refused(OSError("other"))
    assert not is_connection_refused(None)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for this machine, signed by itself, and its key."""
    if not shutil.which("openssl"):
        pytest.skip("needs openssl")
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(path), "-out", f"{path}.crt"]
    subprocess.run([*words.split(), *names, *files], check=True, capture_output=True)
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    return path


def models_at(url: str) -> object:
    """The models of an endpoint, as a connection of its own reads them."""
    with closing(EndpointConnection(EndpointAddress.parse(url), lambda text: None)) as connection:
        return connection.request_json("GET", "/v1/models")["data"]


def test_a_certificate_is_checked(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with serving(tls) as site:
        with pytest.raises(UnavailableError, match="SSL_CERT_FILE"):
            models_at(site.url)
        assert site.asked == []
        monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
        assert models_at(site.url)


def test_no_proxy_is_asked_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as proxy, serving() as site:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert models_at(site.url)
        assert (len(proxy.asked), len(site.asked)) == (0, 1)
        assert models_at("http://gpu.example:8000")
        assert (len(proxy.asked), len(site.asked)) == (1, 1)


def test_a_server_of_something_else_is_shown_by_its_first_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"SSH-2.0-OpenSSH\r\n\r\n")

        threading.Thread(target=greet, daemon=True).start()
        host = f"127.0.0.1:{server.getsockname()[1]}"
        address = EndpointAddress.parse(f"http://{host}")
        with (
            closing(EndpointConnection(address, lambda text: None)) as connection,
            pytest.raises(UnavailableError) as caught,
        ):
            connection.request_json("POST", "/v1/completions", {})
    problem = "cannot be reached: illegal status line: 'SSH-2.0-OpenSSH'"
    assert caught.value.message == f"{host} {problem}"
