"""The port of the HTTP API: what listens there, its key, and what stands before its routes."""

import asyncio
import errno
import http.client
import json
import socket
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from starcoder_cli.catalog import find_model
from starcoder_cli.errors import BusyError, UsageError
from starcoder_cli.loading import LoadOptions
from starcoder_cli.server.access import Address
from starcoder_cli.server.http_routes import HTTP_ROUTES, HttpApi
from starcoder_cli.server.http_server import (
    FollowingServer,
    HttpOptions,
    open_http_listener,
)
from starcoder_cli.server.metrics import Metrics
from starcoder_cli.server.model_pool import ModelPool
from starcoder_cli.server.offers import ModelOffer
from starcoder_cli.server.process import uvicorn_config
from starcoder_cli.server.timeouts import StrictHttpProtocol
from starcoder_cli.wire.local_protocol import LoadRequest

KEY = b"a-key-for-the-tests-alone"
ECHO = find_model("echo")
OFFER = ModelOffer("echo", ECHO, LoadRequest("echo", "", 100, LoadOptions()))


def options(key: bytes | None = KEY, **given: object) -> HttpOptions:
    """How the API is served at any port, with nobody told."""
    plain = HttpOptions(
        Address(port=0), (OFFER,), key, (), lambda line: None, lambda address, file: None
    )
    return replace(plain, **given)  # type: ignore[arg-type]


def test_a_port_is_any_that_is_free_and_is_closed_at_the_end(tmp_path: Path) -> None:
    with open_http_listener(options(), tmp_path) as listener:
        port = listener.address.port
        assert listener.address == Address("127.0.0.1", port) != Address(port=0)
        assert (listener.key, listener.key_file) == (KEY, None)
        with socket.create_connection(("127.0.0.1", port)):
            pass
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_is_made_lies_in_a_file_for_as_long_as_the_port_is_open(
    tmp_path: Path,
) -> None:
    told: list[tuple[Address, Path | None]] = []
    asked = options(None, on_ready=lambda address, file: told.append((address, file)))
    with open_http_listener(asked, tmp_path) as listener:
        assert listener.key_file and listener.key_file.parent == tmp_path
        assert listener.key_file.read_bytes() == listener.key + b"\n"
        assert listener.key_file.stat().st_mode & 0o777 == 0o600
        listener.announce()
        assert told == [(listener.address, listener.key_file)]
    assert list(tmp_path.iterdir()) == []
    with open_http_listener(asked, tmp_path) as listener:
        assert listener.key_file
        listener.key_file.unlink()  # somebody was faster


def test_a_port_that_is_taken_is_busy_and_no_other_error_is(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(BusyError) as caught,
            open_http_listener(options(address=Address(port=port)), tmp_path),
        ):
            pass
    assert str(caught.value) == f"127.0.0.1:{port} is in use; give another port, or 0 for any"
    elsewhere = options(None, address=Address("192.0.2.1", 0))  # RFC 5737: nobody has it
    with pytest.raises(OSError) as other, open_http_listener(elsewhere, tmp_path):
        pass
    assert other.value.errno == errno.EADDRNOTAVAIL
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_none_leaves_no_port_and_no_key(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = Address(port=free.getsockname()[1])
    asked = options(None, address=address, allowed_names=("a b",))
    with pytest.raises(UsageError), open_http_listener(asked, tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []
    with open_http_listener(options(address=address), tmp_path) as listener:
        assert listener.address == address


def test_a_key_is_in_no_description(tmp_path: Path) -> None:
    with open_http_listener(options(), tmp_path) as listener:
        assert "a-key" not in repr(listener) + repr(listener.options)


def test_metrics_name_every_route_that_there_is() -> None:
    with ThreadPoolExecutor(1) as executor:
        pool = ModelPool(executor)
        app = HttpApi(pool, executor, (OFFER,), Metrics(pool)).build_app()
    paths = {str(getattr(route, "path", "")) for route in app.routes}
    assert {path for path in paths if "{" not in path} == set(HTTP_ROUTES)


def test_the_api_is_behind_the_key_and_the_host_and_each_request_is_logged(
    tmp_path: Path,
) -> None:
    log: list[str] = []
    asked = options(log=log.append, allowed_names=("box.example",))

    def get(port: int, path: str, headers: Mapping[str, str]) -> tuple[int, object]:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as client:
            client.request("GET", path, headers=headers)
            response = client.getresponse()
            return response.status, json.loads(response.read() or b"null")

    async def test() -> list[tuple[int, object]]:
        with (
            open_http_listener(asked, tmp_path) as listener,
            ThreadPoolExecutor(4) as executor,
        ):
            app = await listener.build_app(ModelPool(executor), executor)
            server = FollowingServer(uvicorn_config(app, StrictHttpProtocol))
            serving = asyncio.create_task(server.serve(sockets=[listener.listener]))
            port, key = listener.address.port, {"Authorization": f"Bearer {KEY.decode()}"}
            box = {"Host": f"box.example:{port}"}
            found = [
                await asyncio.to_thread(get, port, path, headers)
                for path, headers in (
                    ("/v1/models", {}),
                    ("/v1/models/echo", key),
                    ("/v1/models", {**key, **box}),
                    ("/v1/models", {**key, "Host": "evil.example"}),
                )
            ]
            server.should_exit = True
            await serving
            return found

    found = asyncio.run(test())
    assert [status for status, _ in found] == [401, 200, 200, 400]
    assert [line.rsplit(" ", 2)[0] for line in log] == [
        *("GET /v1/models 401", "GET other 200", "GET /v1/models 200", "GET /v1/models 400")
    ]


async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that answers nothing."""


def test_a_server_ends_when_the_one_that_it_follows_does() -> None:
    async def test() -> bool:
        config = uvicorn_config(nothing, StrictHttpProtocol)
        first, second = uvicorn.Server(config), FollowingServer(config)
        following = asyncio.create_task(second.follow(first))
        await asyncio.sleep(0)
        assert not second.should_exit
        first.should_exit = True
        await asyncio.wait_for(following, 30)
        return second.should_exit

    assert asyncio.run(test())
