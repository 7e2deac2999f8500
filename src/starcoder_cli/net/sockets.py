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
"""After how long a folder is one that was left: without a socket, or with one nobody listens at."""

BACKLOG = 64
HAS_UNIX_SOCKETS = hasattr(socket, "AF_UNIX") and sys.platform != "win32"


@dataclass(frozen=True)
class Peer:
    """Whose process is at the other end of a connection; `pid` is 0 where it is not known."""

    uid: int
    pid: int = 0


def create_private_folder() -> Path:
    """A new folder that only this user can enter, with a path that the name of a socket can have.

    Such names end after 104 bytes on some systems.
    """
    import tempfile  # which loads random and more

    parent = tempfile.gettempdir()
    parent = parent if len(parent) < 64 else "/tmp"
    remove_stale_folders(Path(parent))
    return Path(tempfile.mkdtemp(prefix=SOCKET_FOLDER_PREFIX, dir=parent))


def remove_stale_folders(parent: Path) -> None:
    """Remove the folders that runs which were killed have left: no longer new, and nobody there.

    One with anything but a socket in it is not ours.
    """
    for folder in parent.glob(f"{SOCKET_FOLDER_PREFIX}*"):
        with suppress(OSError):
            age = time.time() - folder.lstat().st_mtime
            is_dead = (folder / LLAMA_SOCKET).is_socket() and not has_listener(
                folder / LLAMA_SOCKET
            )
            if (
                age < (DEAD_FOLDER_SECONDS if is_dead else STALE_FOLDER_SECONDS)
                or folder.is_symlink()
            ):
                continue
            if is_dead:
                (folder / LLAMA_SOCKET).unlink()
            folder.rmdir()  # fails where there is anything else


def has_listener(path: Path) -> bool:
    """Whether somebody listens at a socket."""
    if not HAS_UNIX_SOCKETS:
        return False
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


def open_connection(address: str, seconds: float | None = None) -> socket.socket:
    """A connection to `unix://PATH` or `http://HOST:PORT`; raises OSError.

    `seconds` is how long it waits for anything, None is for ever. Raises AbandonedError where the
    work that it is for is cancelled, and ends with that work.
    """
    connection = connect(address, seconds)
    if cancellation := CURRENT.get():
        cancellation.add(connection)
    return connection


def connect(address: str, seconds: float | None) -> socket.socket:
    """A connection to an address; raises OSError."""
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
    """Who is at the other end of a connection; None where the system does not tell.

    Linux tells by SO_PEERCRED (unix(7)), macOS by LOCAL_PEERCRED (unix(4)), without the process.
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
    """A socket that takes connections of this user alone."""

    def accept(self) -> tuple[socket.socket, object]:
        """The next connection; one of another user is closed, and the next one waited for."""
        connection, address = super().accept()
        client = read_peer(connection)
        if client and client.uid != os.getuid():
            connection.close()
            raise ConnectionAbortedError(errno.ECONNABORTED, "a connection of another user")
        return connection, address


def listen_on_port(host: str, port: int) -> socket.socket:
    """A listener at an IP address and a port, 0 for any that is free; raises OSError."""
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
    """A listener at a path, which only this user can connect to; a socket left there is removed.

    Only whoever holds the lock of the folder may call this. Raises FileExistsError where there is
    something that is no socket.
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
