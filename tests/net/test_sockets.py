"""Private folders, and what becomes of those that were left behind."""

import errno
import os
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from starcoder_cli.net.sockets import (
    DEAD_FOLDER_SECONDS,
    LLAMA_SOCKET,
    SOCKET_FOLDER_PREFIX,
    STALE_FOLDER_SECONDS,
    create_private_folder,
)


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files, with a short name."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        monkeypatch.setattr(tempfile, "tempdir", name)
        yield Path(name)


def aged(folder: Path, seconds: float = STALE_FOLDER_SECONDS + 60) -> Path:
    """A folder that is no longer new."""
    moment = time.time() - seconds
    os.utime(folder, (moment, moment))
    return folder


def test_what_killed_runs_have_left_is_removed(place: Path) -> None:
    """Not what is new, what somebody answers from, what holds files, nor through a link.

    A socket at which nobody listens any more tells so at once.
    """
    names = ("left", "killed", "empty", "loading", "bound", "used", "new", "files")
    folders = {name: place / f"{SOCKET_FOLDER_PREFIX}{name}" for name in names}
    for folder in folders.values():
        folder.mkdir()
    (folders["files"] / "file").write_text("")
    (place / "other").mkdir()
    (place / f"{SOCKET_FOLDER_PREFIX}link").symlink_to(place / "other")
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(folders["left"] / LLAMA_SOCKET))
        for name in ("killed", "bound"):
            with socket.socket(socket.AF_UNIX) as dead:
                dead.bind(str(folders[name] / LLAMA_SOCKET))
        server.bind(str(folders["used"] / LLAMA_SOCKET))
        server.listen()
        for name in ("left", "empty", "used", "files"):
            aged(folders[name])
        for name in ("killed", "loading"):
            aged(folders[name], DEAD_FOLDER_SECONDS + 1)
        aged(place / "other")
        new = create_private_folder()
    kept = {
        f"{SOCKET_FOLDER_PREFIX}{name}"
        for name in ("loading", "bound", "used", "new", "files", "link")
    }
    assert {path.name for path in place.iterdir()} == {*kept, "other", new.name}
    assert (folders["files"] / "file").exists()
    assert new.stat().st_mode & 0o777 == 0o700


def test_a_queue_that_is_full_is_no_obstacle(place: Path) -> None:
    """Connecting would wait until the other program accepts, which it may never do."""
    folder = place / f"{SOCKET_FOLDER_PREFIX}full"
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as server, ExitStack() as clients:
        server.bind(str(folder / LLAMA_SOCKET))
        server.listen(0)
        while True:
            client = clients.enter_context(socket.socket(socket.AF_UNIX))
            client.setblocking(False)
            if client.connect_ex(str(folder / LLAMA_SOCKET)) == errno.EAGAIN:
                break
        aged(folder)
        create_private_folder()
        assert (folder / LLAMA_SOCKET).exists()


def test_folders_of_others_are_left_alone(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = aged_folder(place)
    owner = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    create_private_folder()
    assert folder.exists()


def aged_folder(place: Path) -> Path:
    """An empty folder that somebody left."""
    folder = place / f"{SOCKET_FOLDER_PREFIX}left"
    folder.mkdir()
    return aged(folder)
