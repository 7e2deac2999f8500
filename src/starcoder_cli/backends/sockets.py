"""A socket that only this user can reach, and HTTP over it."""

import http.client
import socket
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

PREFIX = "starcoder-llama-"
SOCKET = "llama.sock"
STALE_SECONDS = 3600
HAS_UNIX_SOCKETS = hasattr(socket, "AF_UNIX") and sys.platform != "win32"


def private_folder() -> Path:
    """A new folder that only this user can enter, with a path that the name of a socket can have.

    Such names end after 104 bytes on some systems.
    """
    place = tempfile.gettempdir()
    place = place if len(place) < 64 else "/tmp"
    sweep(Path(place))
    return Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))


def sweep(place: Path) -> None:
    """Remove the folders that runs which were killed have left: no longer new, and nobody there.

    One with anything but a socket in it is not ours.
    """
    for folder in place.glob(f"{PREFIX}*"):
        with suppress(OSError):
            if time.time() - folder.lstat().st_mtime < STALE_SECONDS or folder.is_symlink():
                continue
            if (folder / SOCKET).is_socket() and not answers(folder / SOCKET):
                (folder / SOCKET).unlink()
            folder.rmdir()  # fails where there is anything else


def answers(path: Path) -> bool:
    """Whether somebody listens at a socket."""
    if not HAS_UNIX_SOCKETS:
        return False
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


class SocketConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        """Connect to the socket at the path."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)
