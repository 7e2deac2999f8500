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
from starcoder_cli.net.sockets import listen_at
from starcoder_cli.server.access import Address, hosts, written_key
from starcoder_cli.server.http_routes import Api, Offer
from starcoder_cli.server.metrics import Measured, Metrics
from starcoder_cli.server.middleware import Guard
from starcoder_cli.server.model_pool import Holding

ROUTES = ("/health", "/metrics", "/v1/models", "/v1/completions", "/v1/chat/completions", "/infill")
"""The paths that are told in numbers and lines; any other may have been made up."""


@dataclass(frozen=True)
class Web:
    """How the HTTP API is served: `key` is the user's own, None where one is to be made.

    `allowed` are more names that clients may call it by. `tell` is given a line for each request,
    and `ready` the address and the file of a key that was made.
    """

    address: Address
    offers: tuple[Offer, ...]
    key: bytes | None = field(repr=False)
    allowed: tuple[str, ...]
    tell: Callable[[str], None]
    ready: Callable[[Address, Path | None], None]


@dataclass(frozen=True)
class Door:
    """A port that listens, and the key to it; `file` is where a key lies that was made."""

    web: Web
    listener: socket
    address: Address
    key: bytes = field(repr=False)
    file: Path | None = None

    def guarded(self, app: ASGIApp, metrics: Metrics) -> ASGIApp:
        """An application as strangers reach it."""
        guard = Guard(app, self.key, hosts(self.address, self.web.allowed))
        return Measured(guard, metrics, ROUTES, self.web.tell)

    async def app(self, holding: Holding, pool: Executor) -> ASGIApp:
        """The application, whose models are loaded."""
        metrics = Metrics(holding)
        api = Api(holding, pool, self.web.offers, metrics)
        await api.load()
        return self.guarded(api.app(), metrics)

    def ready(self) -> None:
        """Say that it serves."""
        self.web.ready(self.address, self.file)


@contextmanager
def door(web: Web, folder: Path) -> Iterator[Door]:
    """The port for the API, closed at the end; a key that was made is gone then too.

    Raises BusyError where another program listens there.
    """
    try:
        listener = listen_at(web.address.host, web.address.port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise BusyError(f"{web.address} is in use", "give another port, or 0 for any") from error
    file: Path | None = None
    try:
        address = replace(web.address, port=listener.getsockname()[1])
        hosts(address, web.allowed)
        if web.key is None:
            key, file = written_key(folder)
        else:
            key = web.key
        yield Door(web, listener, address, key, file)
    finally:
        listener.close()
        if file:
            with suppress(FileNotFoundError):
                file.unlink()


class Beside(uvicorn.Server):
    """A server that ends with another one, which hears the signals."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave the signals alone."""
        yield

    async def follow(self, other: uvicorn.Server) -> None:
        """End when the other one does."""
        while not other.should_exit:
            await asyncio.sleep(0.1)
        self.should_exit = True
