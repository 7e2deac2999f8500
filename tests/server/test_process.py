"""The server's process: what it keeps to itself, and when it ends."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from starcoder_cli.errors import BusyError
from starcoder_cli.loading import LoadOptions
from starcoder_cli.net.daemon import SERVER_LOCK, SERVER_SOCKET, lock_server_folder
from starcoder_cli.server.local_routes import LocalApi
from starcoder_cli.server.model_pool import ModelPool
from starcoder_cli.server.process import (
    IDLE_EXIT_SECONDS,
    expire_models,
    ignore_exception,
    run_server,
    uvicorn_config,
)
from starcoder_cli.server.timeouts import MAX_HTTP_HEADER_BYTES, StrictHttpProtocol, TimedProtocol
from starcoder_cli.wire.local_protocol import LoadRequest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs unix sockets")

SERVE = """
import sys
from pathlib import Path
from starcoder_cli.server.process import run_server
run_server(Path(sys.argv[1]), True, lambda: print("ready", flush=True))
print("over")
"""
HARDEN = """
import ctypes, os, resource, sys
from starcoder_cli.server.process import harden_process
harden_process()
print(oct(os.umask(0)), *resource.getrlimit(resource.RLIMIT_CORE))
print(os.environ.get("HF_TOKEN"), os.environ["HF_HUB_OFFLINE"])
if sys.platform == "linux":
    print(ctypes.CDLL(None).prctl(3))
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of a server, with a path that a socket can have."""
    with TemporaryDirectory(dir="/tmp") as name:
        yield Path(name)


def test_what_prompts_say_stays_in_the_process() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HARDEN],
        env={**os.environ, "HF_TOKEN": "hf_secret", "HF_HUB_OFFLINE": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    dumpable = ["0"] if sys.platform == "linux" else []
    assert done.stdout.splitlines() == ["0o77 0 0", "None 1", *dumpable]


def test_a_server_listens_when_it_says_so_and_leaves_only_its_lock(folder: Path) -> None:
    words = [sys.executable, "-c", SERVE, str(folder)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as server:
        assert server.stdout and server.stdout.readline() == b"ready\n"
        assert (folder / SERVER_SOCKET).stat().st_mode & 0o777 == 0o600
        with pytest.raises(BusyError, match="a server is running already"):
            run_server(folder, True, lambda: pytest.fail("there are two servers"))
        server.send_signal(signal.SIGINT)
        assert server.wait(30) == -signal.SIGINT
    assert [path.name for path in folder.iterdir()] == [SERVER_LOCK]
    with lock_server_folder(folder):
        pass


def test_a_server_whose_folder_is_locked_touches_nothing(folder: Path) -> None:
    (folder / SERVER_SOCKET).write_text("mine")
    words = [sys.executable, "-c", SERVE, str(folder)]
    with lock_server_folder(folder):
        done = subprocess.run(words, capture_output=True, text=True)
    assert done.stdout == "" and "BusyError: a server is running already" in done.stderr
    assert (folder / SERVER_SOCKET).read_text() == "mine"


async def ended(keep_alive: float | None, keep_running: bool, idle_seconds: float) -> bool:
    """Whether a server ends at its next looks, with a model or with none."""
    over = asyncio.Event()
    with ThreadPoolExecutor(2) as executor:
        pool = ModelPool(executor)
        api = LocalApi(pool, executor, over.set)
        api.last_used = time.monotonic() - idle_seconds
        if keep_alive is not None:
            await pool.load(LoadRequest("echo", "", 100, LoadOptions(), keep_alive))
        task = asyncio.create_task(expire_models(pool, api, over.set, keep_running))
        with suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), 1.5)
        task.cancel()
        assert len(pool) == (keep_alive is not None and keep_alive != 0.0)
    return over.is_set()


@pytest.mark.parametrize(
    ("keep_alive", "keep_running", "idle_seconds", "over"),
    [
        (0.0, False, 0.0, True),
        (0.0, True, 0.0, False),
        (300.0, False, IDLE_EXIT_SECONDS + 1, False),
        (-1.0, False, IDLE_EXIT_SECONDS + 1, False),
        (None, False, 0.0, False),
        (None, False, IDLE_EXIT_SECONDS + 1, True),
        (None, True, IDLE_EXIT_SECONDS + 1, False),
    ],
)
def test_a_server_ends_with_its_last_model_or_where_it_gets_none(
    keep_alive: float | None, keep_running: bool, idle_seconds: float, over: bool
) -> None:
    assert asyncio.run(ended(keep_alive, keep_running, idle_seconds)) == over


@pytest.mark.parametrize("protocol", [TimedProtocol, StrictHttpProtocol])
def test_an_application_is_served_silently_and_trusts_no_proxy(
    protocol: type[TimedProtocol],
) -> None:
    config = uvicorn_config(lambda scope, receive, send: asyncio.sleep(0), protocol)
    assert (config.http, config.ws, config.lifespan) == (protocol, "none", "off")
    assert (config.proxy_headers, config.server_header, config.access_log) == (False,) * 3
    assert config.h11_max_incomplete_event_size == MAX_HTTP_HEADER_BYTES


def test_what_asyncio_complains_of_is_said_to_nobody(capfd: pytest.CaptureFixture[str]) -> None:
    async def complain() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(ignore_exception)
        loop.call_exception_handler({"message": "no descriptor", "exception": OSError(24)})

    asyncio.run(complain())
    assert capfd.readouterr() == ("", "")
