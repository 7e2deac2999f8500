"""The server process: one per folder, hardened, and gone when idle."""

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

from starcoder_cli.net.daemon import MAX_LOCK_WAIT_SECONDS, SERVER_SOCKET, lock_server_folder
from starcoder_cli.net.sockets import BACKLOG, OwnUserSocket, listen_on_path
from starcoder_cli.server.http_server import (
    FollowingServer,
    HttpListener,
    HttpOptions,
    open_http_listener,
)
from starcoder_cli.server.local_routes import LocalApi
from starcoder_cli.server.model_pool import ModelPool
from starcoder_cli.server.timeouts import MAX_HTTP_HEADER_BYTES, StrictHttpProtocol, TimedProtocol

IDLE_EXIT_SECONDS = 60.0
"""Seconds that a server without a model stays up."""

SHUTDOWN_SECONDS = 5
"""Seconds that answers may take to finish once the server is asked to stop."""

SERVER_THREADS = 64
EXPIRY_CHECK_SECONDS = 0.5
PR_SET_DUMPABLE = 4  # prctl(2)


def run_server(
    folder: Path,
    keep_running: bool,
    on_ready: Callable[[], None],
    http_options: HttpOptions | None = None,
) -> None:
    """Serve on the folder's socket until asked to stop, or, unless `keep_running`, until idle.

    With `http_options` the HTTP API is served too. `on_ready` is called when everything is
    listening and the API's models are loaded. Raises BusyError if another process is serving.
    """
    with ExitStack() as stack:
        stack.enter_context(lock_server_folder(folder, MAX_LOCK_WAIT_SECONDS))
        harden_process()
        http_listener = (
            stack.enter_context(open_http_listener(http_options, folder)) if http_options else None
        )
        path = folder / SERVER_SOCKET
        listener = listen_on_path(path)
        try:
            asyncio.run(serve_until_stopped(listener, keep_running, on_ready, http_listener))
        finally:
            listener.close()
            with suppress(FileNotFoundError):
                path.unlink()


async def serve_until_stopped(
    listener: OwnUserSocket,
    keep_running: bool,
    on_ready: Callable[[], None],
    http_listener: HttpListener | None,
) -> None:
    """Answer requests until a signal, a stop request or idleness ends it."""
    asyncio.get_running_loop().set_exception_handler(ignore_exception)
    with ThreadPoolExecutor(SERVER_THREADS) as executor:
        models = ModelPool(executor)

        def shut_down() -> None:
            server.should_exit = True

        local_api = LocalApi(models, executor, shut_down)
        server = uvicorn.Server(uvicorn_config(local_api.build_app(), TimedProtocol))
        servers = [server.serve(sockets=[listener])]
        expiry_task = asyncio.create_task(expire_models(models, local_api, shut_down, keep_running))
        try:
            if http_listener:
                http_server = FollowingServer(
                    uvicorn_config(
                        await http_listener.build_app(models, executor), StrictHttpProtocol
                    )
                )
                servers += [
                    http_server.serve(sockets=[http_listener.listener]),
                    http_server.follow(server),
                ]
                http_listener.announce()
            on_ready()
            await asyncio.gather(*servers)
        finally:
            expiry_task.cancel()
            await models.close()
            executor.shutdown(wait=False, cancel_futures=True)


def uvicorn_config(app: ASGIApp, protocol: type[TimedProtocol]) -> uvicorn.Config:
    """The uvicorn configuration for an application: minimal and silent."""
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
        h11_max_incomplete_event_size=MAX_HTTP_HEADER_BYTES,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )


def ignore_exception(loop: asyncio.AbstractEventLoop, context: Mapping[str, object]) -> None:
    """Log nothing: asyncio repeats one connection's lack of a descriptor sixty times a second.

    The server would stall if nobody read that output.
    """


async def expire_models(
    models: ModelPool, local_api: LocalApi, shut_down: Callable[[], None], keep_running: bool
) -> None:
    """Unload expired models, and stop the server after the last of them."""
    while True:
        await asyncio.sleep(EXPIRY_CHECK_SECONDS)
        models_before = len(models)
        await models.release_expired()
        idle = time.monotonic() - local_api.last_used
        if not keep_running and not len(models) and (models_before or idle > IDLE_EXIT_SECONDS):
            shut_down()


def harden_process() -> None:
    """Keep prompts inside this process: no core file, no debugger, no token, no network."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0)
    os.environ.pop("HF_TOKEN", None)
    os.environ["HF_HUB_OFFLINE"] = "1"
