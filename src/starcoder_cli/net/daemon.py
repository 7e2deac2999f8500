"""This user's server, which keeps models loaded: find it, start it, wait until it stops.

The server is whoever holds the lock of the folder; the lock ends with its process, so the leftovers
of a killed server cannot be mistaken for one.
"""

import os
import socket
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from starcoder_cli import __version__
from starcoder_cli.errors import BusyError, RefusedError, UnavailableError
from starcoder_cli.net.sockets import HAS_UNIX_SOCKETS, Peer, read_peer
from starcoder_cli.settings import runtime_dir
from starcoder_cli.system.file_lock import hold_lock

SERVER_SOCKET = "server.sock"
SERVER_LOCK = "server.lock"
MAX_SOCKET_PATH_BYTES = 103
"""Maximum bytes in a socket's path: with a zero, 104 on macOS and 108 on Linux."""

START_SECONDS = 60.0
PROBE_SECONDS = 20.0
"""Seconds a server may take to report that it is up: it does not answer while a model loads."""

MAX_LOCK_WAIT_SECONDS = 0.5
READY_MESSAGE, BUSY_MESSAGE = b"ready", b"busy"

INSTALLATION_ID = f"{__version__} {sys.prefix} {Path(__file__).parent}"
"""Identifies this installation: a server of another one is asked to stop."""


def prepare_server_folder() -> Path:
    """The folder of the server's socket, created if missing.

    Raises RefusedError if others could enter it, UnavailableError if it cannot be created or its
    path is too long for a socket.
    """
    folder = runtime_dir()
    if len(os.fsencode(folder / SERVER_SOCKET)) > MAX_SOCKET_PATH_BYTES:
        raise UnavailableError(
            f"{folder} is too long a path for a socket", "set XDG_RUNTIME_DIR to a shorter one"
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise UnavailableError(
            f"{folder} cannot be made: {error.strerror}", "set XDG_RUNTIME_DIR to another folder"
        ) from error
    return require_private_folder(folder)


def require_private_folder(folder: Path) -> Path:
    """Check that only this user can enter a folder; raises RefusedError otherwise."""
    status = folder.lstat()
    private = not status.st_mode & 0o077 and status.st_uid == os.getuid()
    if not stat.S_ISDIR(status.st_mode) or not private:
        raise RefusedError(
            f"{folder} is not a folder that only you can enter", "remove it, or use --no-server"
        )
    return folder


def find_socket() -> Path | None:
    """The socket of a listening server, or None.

    Raises RefusedError if another user is listening, or if something else is in its place.
    """
    if not HAS_UNIX_SOCKETS:
        return None
    try:
        path = require_private_folder(runtime_dir()) / SERVER_SOCKET
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise RefusedError(f"{path} is not a socket", "remove it, or use --no-server")
        identify_listener(path)
    except (FileNotFoundError, NotADirectoryError, PermissionError, ConnectionRefusedError):
        return None
    return path


def identify_listener(path: Path) -> Peer:
    """Who listens at a socket; raises RefusedError if it is another user."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(START_SECONDS)
        connection.connect(str(path))
        owner = read_peer(connection) or Peer(os.getuid())
    if owner.uid != os.getuid():
        raise RefusedError(f"another user listens at {path}", "remove it, or use --no-server")
    return owner


@contextmanager
def lock_server_folder(folder: Path, seconds: float = 0.0) -> Iterator[None]:
    """Hold the lock of the folder; raises BusyError if another process keeps it for too long.

    A process that only checks for a server also holds it for a moment.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(hold_lock(folder / SERVER_LOCK, seconds))
        except TimeoutError as error:
            raise BusyError("a server is running already", "see it with: starcoder ps") from error
        yield


def is_server_running() -> bool:
    """Whether a server holds the lock, even if it cannot answer."""
    try:
        with lock_server_folder(runtime_dir()):
            return False
    except OSError:  # no folder, or none in which a lock could be held
        return False
    except BusyError:
        return True


def spawn_server() -> bool:
    """Start a server in the background and wait until it listens; False if one was running.

    Raises UnavailableError if it does not start, RefusedError if its folder is not safe.
    """
    prepare_server_folder()
    import subprocess

    read_end, write_end = os.pipe()
    try:
        subprocess.Popen(
            [sys.executable, "-P", "-m", "starcoder_cli", "serve", "--ready", str(write_end)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[write_end],
            start_new_session=True,
            cwd="/",
        )
    finally:
        os.close(write_end)
    try:
        message = read_first(read_end, START_SECONDS)
    finally:
        os.close(read_end)
    if message.startswith((READY_MESSAGE, BUSY_MESSAGE)):
        return message.startswith(READY_MESSAGE)
    reason = message.decode("utf-8", "replace") or "it ended without a word"
    raise UnavailableError(f"the server did not start: {reason}", "use --no-server")


def read_first(descriptor: int, seconds: float) -> bytes:
    """The first bytes from a pipe; empty if none arrive in time."""
    import select

    ready, _, _ = select.select([descriptor], [], [], seconds)
    return os.read(descriptor, 4096) if ready else b""


def wait_until_stopped(seconds: float) -> bool:
    """Wait until no server holds the lock; False if one still does after `seconds`."""
    deadline = time.monotonic() + seconds
    while is_server_running():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def kill_server(path: Path, identify: Callable[[Path], Peer] = identify_listener) -> None:
    """Kill the process that listens at a socket, if the system can identify it.

    The check is repeated after getting a handle, so that its number cannot have been reused.
    """
    import signal

    with suppress(ProcessLookupError, ConnectionRefusedError, FileNotFoundError):
        process = identify(path).pid
        if process and hasattr(os, "pidfd_open"):
            descriptor = os.pidfd_open(process)
            try:
                if identify(path).pid == process:
                    signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            finally:
                os.close(descriptor)
        elif process:
            os.kill(process, signal.SIGKILL)
