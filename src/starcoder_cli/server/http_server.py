"""The HTTP API beside the socket: its port, its key, and what stands before its routes."""

import asyncio
import errno
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from socket import socket

import uvicorn
from starlette.types import ASGIApp

from starcoder_cli.errors import BusyError
from starcoder_cli.net.sockets import listen_on_port
from starcoder_cli.server.access import Address, allowed_host_headers, create_key_file
from starcoder_cli.server.http_routes import HTTP_ROUTES, HttpApi
from starcoder_cli.server.metrics import Metrics, MetricsMiddleware
from starcoder_cli.server.middleware import AccessMiddleware
from starcoder_cli.server.model_pool import ModelPool
from starcoder_cli.server.offers import ModelOffer


@dataclass(frozen=True)
class HttpOptions:
    """How the HTTP API is served: `key` is the user's own, None where one is to be made.

    `allowed_names` are more names that clients may call it by. `log` is given a line for each
    request, and `on_ready` the address and the file of a key that was made.
    """

    address: Address
    offers: tuple[ModelOffer, ...]
    key: bytes | None = field(repr=False)
    allowed_names: tuple[str, ...]
    log: Callable[[str], None]
    on_ready: Callable[[Address, Path | None], None]


@dataclass(frozen=True)
class HttpListener:
    """A port that listens, and the key to it; `key_file` is where a key lies that was made."""

    options: HttpOptions
    listener: socket
    address: Address
    key: bytes = field(repr=False)
    key_file: Path | None = None

    def wrap_app(self, app: ASGIApp, metrics: Metrics) -> ASGIApp:
        """An application behind the access checks and the metrics."""
        guarded = AccessMiddleware(
            app, self.key, allowed_host_headers(self.address, self.options.allowed_names)
        )
        return MetricsMiddleware(guarded, metrics, HTTP_ROUTES, self.options.log)

    async def build_app(self, models: ModelPool, executor: Executor) -> ASGIApp:
        """The HTTP API as an application, whose models are loaded."""
        metrics = Metrics(models)
        api = HttpApi(models, executor, self.options.offers, metrics)
        await api.load_models()
        return self.wrap_app(api.build_app(), metrics)

    def announce(self) -> None:
        """Say that it serves."""
        self.options.on_ready(self.address, self.key_file)


@contextmanager
def open_http_listener(options: HttpOptions, folder: Path) -> Iterator[HttpListener]:
    """The port for the API, closed at the end; a key that was made is gone then too.

    Raises BusyError where another program listens there.
    """
    try:
        listener = listen_on_port(options.address.host, options.address.port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise BusyError(
            f"{options.address} is in use", "give another port, or 0 for any"
        ) from error
    key_file: Path | None = None
    try:
        address = replace(options.address, port=listener.getsockname()[1])
        allowed_host_headers(address, options.allowed_names)
        if options.key is None:
            key, key_file = create_key_file(folder)
        else:
            key = options.key
        yield HttpListener(options, listener, address, key, key_file)
    finally:
        listener.close()
        if key_file:
            with suppress(FileNotFoundError):
                key_file.unlink()


class FollowingServer(uvicorn.Server):
    """A server that ends when another one does, which handles the signals."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave the signals alone."""
        yield

    async def follow(self, other: uvicorn.Server) -> None:
        """End when the other one does."""
        while not other.should_exit:
            await asyncio.sleep(0.1)
        self.should_exit = True
