"""Sockets that only this user can reach."""

import errno
import os
import socket
import stat
import struct
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from starcoder_cli.net.cancellation import CURRENT

SOCKET_FOLDER_PREFIX = "starcoder-llama-"
LLAMA_SOCKET = "llama.sock"
STALE_FOLDER_SECONDS = 3600
DEAD_FOLDER_SECONDS = 10
"""Seconds after which a folder counts as abandoned: without a socket, or with a dead one."""

BACKLOG = 64
HAS_UNIX_SOCKETS = hasattr(socket, "AF_UNIX") and sys.platform != "win32"


@dataclass(frozen=True)
class Peer:
    """The process at the other end of a connection; `pid` is 0 if unknown."""

    uid: int
    pid: int = 0


def create_private_folder() -> Path:
    """Create a folder that only this user can enter, with a path short enough for a socket.

    Socket paths are limited to 104 bytes on some systems.
    """
    import tempfile  # loads random and more

    parent = tempfile.gettempdir()
    parent = parent if len(parent) < 64 else "/tmp"
    remove_stale_folders(Path(parent))
    return Path(tempfile.mkdtemp(prefix=SOCKET_FOLDER_PREFIX, dir=parent))


def remove_stale_folders(parent: Path) -> None:
    """Remove the folders of killed runs: no longer new, and without a listener.

    A folder of another user, or that contains anything but a socket, is not ours.
    """
    for folder in parent.glob(f"{SOCKET_FOLDER_PREFIX}*"):
        with suppress(OSError):
            status = folder.lstat()
            if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
                continue
            age = time.time() - status.st_mtime
            is_dead = (folder / LLAMA_SOCKET).is_socket() and not has_listener(
                folder / LLAMA_SOCKET
            )
            if age < (DEAD_FOLDER_SECONDS if is_dead else STALE_FOLDER_SECONDS):
                continue
            if is_dead:
                (folder / LLAMA_SOCKET).unlink()
            folder.rmdir()  # fails if it contains anything else


def has_listener(path: Path) -> bool:
    """Whether a process is listening at a socket."""
    if not HAS_UNIX_SOCKETS:
        return False
    with socket.socket(socket.AF_UNIX) as client:
        client.setblocking(False)
        return client.connect_ex(str(path)) in (0, errno.EAGAIN)  # or too many are waiting there


def open_connection(address: str, seconds: float | None = None) -> socket.socket:
    """Connect to `unix://PATH` or `http://HOST:PORT`; raises OSError.

    `seconds` is the timeout of each operation, None for ever. Raises AbandonedError if the work it
    is for is cancelled, and is closed when that happens later.
    """
    connection = connect(address, seconds)
    if cancellation := CURRENT.get():
        cancellation.add(connection)
    return connection


def connect(address: str, seconds: float | None) -> socket.socket:
    """Connect to an address; raises OSError."""
    scheme, _, location = address.partition("://")
    if scheme == "http":
        host, _, port = location.rpartition(":")
        return socket.create_connection((host, int(port)), seconds)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(seconds)
        connection.connect(location)
    except OSError:
        connection.close()
        raise
    return connection


def read_peer(connection: socket.socket) -> Peer | None:
    """Identify the peer of a connection; None if the system cannot.

    Linux uses SO_PEERCRED (unix(7)), macOS LOCAL_PEERCRED (unix(4)), without the process.
    """
    if hasattr(socket, "SO_PEERCRED"):
        credentials = connection.getsockopt(
            socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")
        )
        pid, uid, _ = struct.unpack("3i", credentials)
        return Peer(uid, pid)
    if sys.platform == "darwin":
        version, uid = struct.unpack("=II", connection.getsockopt(0, 1, 8))
        return Peer(uid) if version == 0 else None
    return None


class OwnUserSocket(socket.socket):
    """A socket that accepts connections from this user only."""

    def accept(self) -> tuple[socket.socket, object]:
        """Accept the next connection; raises ConnectionAbortedError for one of another user."""
        connection, address = super().accept()
        client = read_peer(connection)
        if client and client.uid != os.getuid():
            connection.close()
            raise ConnectionAbortedError(errno.ECONNABORTED, "a connection of another user")
        return connection, address


def listen_on_port(host: str, port: int) -> socket.socket:
    """Listen at an IP address and a port, 0 for any free one; raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def listen_on_path(path: Path) -> OwnUserSocket:
    """Listen at a path that only this user can connect to, replacing a leftover socket.

    The caller must hold the lock of the folder. Raises FileExistsError if something other than a
    socket is there.
    """
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise FileExistsError(errno.EEXIST, "not a socket", str(path))
        path.unlink()
    listener = OwnUserSocket(socket.AF_UNIX, socket.SOCK_STREAM)
    old_umask = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(old_umask)
    listener.listen(BACKLOG)
    return listener
