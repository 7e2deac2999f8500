"""Temporary folders for other programs, which may leave anything in them."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A new folder by its real path; it is removed at the end, as far as possible."""
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="starcoder-")).resolve()
    try:
        yield folder
    finally:
        remove_folder(folder)


def remove_folder(folder: Path) -> None:
    """Remove a folder that is no longer in use, however deep; what cannot be removed is left.

    Each folder is moved up to the top before it is emptied: `shutil.rmtree` would fail at Python's
    recursion limit or at the system's longest path. Links are not followed.
    """
    import secrets

    prefix, moved = secrets.token_hex(8), 0
    waiting = [folder]
    while waiting:
        inner = waiting.pop()
        for entry in list_entries(inner):
            with suppress(OSError):
                if not entry.is_dir(follow_symlinks=False):
                    os.unlink(entry.path)  # noqa: PTH108
                    continue
                os.chmod(entry.path, stat.S_IRWXU)  # noqa: PTH101
                waiting.append(folder / f"{prefix}{moved}")
                os.rename(entry.path, waiting[-1])  # noqa: PTH104
                moved += 1
        if inner != folder:
            with suppress(OSError):
                inner.rmdir()
    with suppress(OSError):
        folder.rmdir()


def list_entries(folder: Path) -> list["os.DirEntry[str]"]:
    """The entries of a folder; empty if it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []
