"""The life of the server's process: alone in its folder, modest, and gone when it is not needed."""

import asyncio
import ctypes
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import uvicorn

from starcoder_cli.server.app import Routes
from starcoder_cli.server.holding import Holding
from starcoder_cli.sockets import BACKLOG, Listener, listen
from starcoder_cli.warm import LOCK_SECONDS, SOCKET, locked

IDLE_SECONDS = 60.0
"""How long a server without a model stays."""

DRAIN_SECONDS = 5
"""How long answers may take to end once the server is told to."""

THREADS = 64
HEADER_BYTES = 16 << 10
TIDY_SECONDS = 0.5
PR_SET_DUMPABLE = 4  # prctl(2)


def serve(folder: Path, stays: bool, ready: Callable[[], None]) -> None:
    """Answer at the socket of the folder until told to stop; with `stays`, also without a model.

    `ready` is called when the socket listens. Raises BusyError where another process serves.
    """
    with locked(folder, LOCK_SECONDS):
        harden()
        path = folder / SOCKET
        listener = listen(path)
        try:
            ready()
            asyncio.run(answer(listener, stays))
        finally:
            listener.close()
            with suppress(FileNotFoundError):
                path.unlink()


async def answer(listener: Listener, stays: bool) -> None:
    """Answer requests until a signal, a request or the lack of any ends it."""
    asyncio.get_running_loop().set_exception_handler(overlook)
    with ThreadPoolExecutor(THREADS) as pool:
        holding = Holding(pool)

        def leave() -> None:
            server.should_exit = True

        routes = Routes(holding, pool, leave)
        configuration = uvicorn.Config(
            routes.app(),
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            backlog=BACKLOG,
            h11_max_incomplete_event_size=HEADER_BYTES,
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
        server = uvicorn.Server(configuration)
        tidying = asyncio.create_task(tidy(holding, routes, leave, stays))
        try:
            await server.serve(sockets=[listener])
        finally:
            tidying.cancel()
            await holding.close()
            pool.shutdown(wait=False, cancel_futures=True)


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
