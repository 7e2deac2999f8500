"""The HTTP API next to the socket: its port, its key and its middleware."""

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
    """How to serve the HTTP API: `key` is the user's own, or None to create one.

    `allowed_names` are further host names that clients may use. `log` receives one line per
    request; `on_ready` receives the address and the file of a created key.
    """

    address: Address
    offers: tuple[ModelOffer, ...]
    key: bytes | None = field(repr=False)
    allowed_names: tuple[str, ...]
    log: Callable[[str], None]
    on_ready: Callable[[Address, Path | None], None]


@dataclass(frozen=True)
class HttpListener:
    """A listening port and its key; `key_file` is the file of a key created for it."""

    options: HttpOptions
    listener: socket
    address: Address
    key: bytes = field(repr=False)
    key_file: Path | None = None

    def wrap_app(self, app: ASGIApp, metrics: Metrics) -> ASGIApp:
        """Wrap an application in the access checks and the metrics."""
        guarded = AccessMiddleware(
            app, self.key, allowed_host_headers(self.address, self.options.allowed_names)
        )
        return MetricsMiddleware(guarded, metrics, HTTP_ROUTES, self.options.log)

    async def build_app(self, models: ModelPool, executor: Executor) -> ASGIApp:
        """Build the HTTP API as an application, with its models loaded."""
        metrics = Metrics(models)
        api = HttpApi(models, executor, self.options.offers, metrics)
        await api.load_models()
        return self.wrap_app(api.build_app(), metrics)

    def announce(self) -> None:
        """Report that the API is being served."""
        self.options.on_ready(self.address, self.key_file)


@contextmanager
def open_http_listener(options: HttpOptions, folder: Path) -> Iterator[HttpListener]:
    """Open the API's port; on exit close it and delete any key created for it.

    Raises BusyError if another program is listening there.
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
    """A server that stops when another one does, and leaves signals to it."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave signals to the other server."""
        yield

    async def follow(self, other: uvicorn.Server) -> None:
        """Stop when the other server stops."""
        while not other.should_exit:
            await asyncio.sleep(0.1)
        self.should_exit = True
