"""A file is saved whole or not at all, whatever the system does; and it stays what it was."""

import errno
import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from faults import CALLS, FAULTS, killed_after, killed_before, nothing, system

from starcoder_cli.errors import (
    BusyError,
    CreateError,
    ExitCode,
    InputError,
    RefusedError,
    StarcoderError,
    WriteError,
)
from starcoder_cli.saving import Target, sweep
from starcoder_cli.folder import opened

OLD = b"old \xff\r\n" * 5_000
NEW = b"new \xfe\n" * 6_000
MEMORY = Path("/dev/shm")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file in a folder of its own."""
    path = tmp_path / "file.py"
    path.write_bytes(OLD)
    return path


def temporaries(folder: Path) -> list[Path]:
    """What a save has left in a folder."""
    return [path for path in folder.iterdir() if path.name.startswith(".starcoder-")]


def save(path: Path, data: bytes = NEW) -> None:
    """Read a file, and make it something else."""
    Target.edited(str(path), path.read_bytes()).save(data)


def test_a_file_is_replaced(file: Path) -> None:
    save(file)
    assert file.read_bytes() == NEW
    assert list(file.parent.iterdir()) == [file]


# Faults.


def quick() -> Path | None:
    """A folder in memory, where waiting for the disk takes no time."""
    return MEMORY if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) else None


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


@pytest.fixture(scope="module")
def calls() -> list[str]:
    """The calls of the system that a save makes."""
    with prepared() as path, system(0, nothing) as made:
        save(path)
    return made


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_leaves_the_old_file_or_the_new_one_and_nothing_else(
    kind: str, calls: list[str]
) -> None:
    for at, name in enumerate(calls, 1):
        where = f"{kind} at call {at}: {name}"
        code = 0
        with prepared() as path:
            with system(at, FAULTS[kind]):
                try:
                    save(path)
                except StarcoderError as error:
                    code = error.exit_code
                except KeyboardInterrupt:
                    code = ExitCode.INTERRUPTED
            found = path.read_bytes()
            assert found in (OLD, NEW), where
            assert code or found == NEW, where
            assert code in (0, ExitCode.INTERRUPTED) or found == OLD, where
            assert code in (0, 66, 73, 74, 75, 77, 130), where
            assert list(path.parent.iterdir()) == [path], where
            assert stat.S_IMODE(path.stat().st_mode) == 0o640, where


def test_there_are_enough_faults(calls: list[str]) -> None:
    """Each call of the system is one that can fail, and none that matters is left out."""
    assert len(calls) * len(FAULTS) >= 400
    assert set(calls) >= {"open", "write", "fsync", "replace", "fchmod", "flock"}


KILL = """
import os, signal, sys
from faults import killed_after, killed_before, system
from test_saving import NEW, OLD, prepared, save, temporaries

for kill in (killed_before, killed_after):
    for at in range(1, int(sys.argv[1]) + 1):
        with prepared() as path:
            child = os.fork()
            if not child:
                with system(at, kill):
                    save(path)
                os._exit(1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
            found, left = path.read_bytes(), temporaries(path.parent)
            assert found in (OLD, NEW)
            for temporary in left:
                os.utime(temporary, (0, 0))
            if left:
                save(path)
                assert list(path.parent.iterdir()) == [path]
            print("new" if found == NEW else "old", len(left))
"""


def test_a_killed_process_leaves_the_old_file_or_the_new_one(calls: list[str]) -> None:
    """What it may leave besides is removed by the next that saves there, an hour later."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((*sys.path, str(Path(__file__).parent)))}
    script = [sys.executable, "-c", KILL, str(len(calls))]
    done = subprocess.run(script, env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    ends = done.stdout.splitlines()
    assert len(ends) == 2 * len(calls)
    assert set(ends) == {"old 0", "old 1", "new 0"}
