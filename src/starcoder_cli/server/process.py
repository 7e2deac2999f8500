"""The life of the server's process: alone in its folder, modest, and gone when it is not needed."""

import asyncio
import ctypes
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from starcoder_cli.net.daemon import LOCK_SECONDS, SOCKET, locked
from starcoder_cli.net.sockets import BACKLOG, Listener, listen
from starcoder_cli.server.http_server import Beside, Door, Web, door
from starcoder_cli.server.local_routes import Routes
from starcoder_cli.server.model_pool import Holding
from starcoder_cli.server.timeouts import HEAD_BYTES, Connection, Timed

IDLE_SECONDS = 60.0
"""How long a server without a model stays."""

DRAIN_SECONDS = 5
"""How long answers may take to end once the server is told to."""

THREADS = 64
TIDY_SECONDS = 0.5
PR_SET_DUMPABLE = 4  # prctl(2)


def serve(folder: Path, stays: bool, ready: Callable[[], None], web: Web | None = None) -> None:
    """Answer at the socket of the folder until told to stop; with `stays`, also without a model.

    With `web` the HTTP API is answered too. `ready` is called when all of it listens, and the
    models of the API are loaded. Raises BusyError where another process serves.
    """
    with ExitStack() as stack:
        stack.enter_context(locked(folder, LOCK_SECONDS))
        harden()
        opened = stack.enter_context(door(web, folder)) if web else None
        path = folder / SOCKET
        listener = listen(path)
        try:
            asyncio.run(answer(listener, stays, ready, opened))
        finally:
            listener.close()
            with suppress(FileNotFoundError):
                path.unlink()


async def answer(
    listener: Listener, stays: bool, ready: Callable[[], None], opened: Door | None
) -> None:
    """Answer requests until a signal, a request or the lack of any ends it."""
    asyncio.get_running_loop().set_exception_handler(overlook)
    with ThreadPoolExecutor(THREADS) as pool:
        holding = Holding(pool)

        def leave() -> None:
            server.should_exit = True

        routes = Routes(holding, pool, leave)
        server = uvicorn.Server(configuration(routes.app(), Timed))
        serving = [server.serve(sockets=[listener])]
        tidying = asyncio.create_task(tidy(holding, routes, leave, stays))
        try:
            if opened:
                web = Beside(configuration(await opened.app(holding, pool), Connection))
                serving += [web.serve(sockets=[opened.listener]), web.follow(server)]
                opened.ready()
            ready()
            await asyncio.gather(*serving)
        finally:
            tidying.cancel()
            await holding.close()
            pool.shutdown(wait=False, cancel_futures=True)


def configuration(app: ASGIApp, protocol: type[Timed]) -> uvicorn.Config:
    """How an application is served: no more than is needed, and silently."""
    return uvicorn.Config(
        app,
        loop="asyncio",
        http=protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        h11_max_incomplete_event_size=HEAD_BYTES,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )


def overlook(loop: asyncio.AbstractEventLoop, context: Mapping[str, object]) -> None:
    """Say nothing: of one connection without a descriptor asyncio complains sixty times a second.

    Where nobody reads that, the server would stand still.
    """


async def tidy(holding: Holding, routes: Routes, leave: Callable[[], None], stays: bool) -> None:
    """Let models go whose time is over, and the server with the last of them."""
    while True:
        await asyncio.sleep(TIDY_SECONDS)
        held = len(holding)
        await holding.release_expired()
        idle = time.monotonic() - routes.used
        if not stays and not len(holding) and (held or idle > IDLE_SECONDS):
            leave()


def harden() -> None:
    """Keep what prompts say in this process: no core file, no debugger, no token, no network."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0)
    os.environ.pop("HF_TOKEN", None)
    os.environ["HF_HUB_OFFLINE"] = "1"
