"""What tests of saving share: old and new bytes, a save, and what it may leave behind."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from starcoder_cli.files.save import SaveTarget

OLD = b"old \xff\r\n" * 5_000
NEW = b"new \xfe\n" * 6_000
MEMORY = Path("/dev/shm")


def quick() -> Path | None:
    """A folder in memory, where waiting for the disk takes no time."""
    return MEMORY if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) else None


def temporaries(folder: Path) -> list[Path]:
    """What a save has left in a folder."""
    return [path for path in folder.iterdir() if path.name.startswith(".starcoder-")]


def save(path: Path, data: bytes = NEW) -> None:
    """Read a file, and make it something else."""
    SaveTarget.for_edit(str(path), path.read_bytes()).save(data)


@contextmanager
def prepared() -> Iterator[Path]:
    """A file that has more than its bytes, alone in a folder."""
    with tempfile.TemporaryDirectory(dir=quick()) as folder:
        path = Path(folder, "file.py")
        path.write_bytes(OLD)
        path.chmod(0o640)
        if hasattr(os, "setxattr"):
            with suppress(OSError):
                os.setxattr(path, "user.note", b"kept")
        yield path
