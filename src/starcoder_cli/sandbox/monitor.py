"""The commands of a sandbox while they run: what they print, use and how each of them ends."""

import json
import os
import re
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from typing import TYPE_CHECKING

from starcoder_cli.sandbox.trial import Limits
from starcoder_cli.system.processes import children

if TYPE_CHECKING:
    from subprocess import Popen

LOOK_SECONDS = 0.05
KEPT = 1 << 14
CHUNK = 1 << 16
ERROR = re.compile(r"error|exception|assert", re.I)
EXCESS = {
    "memory": "took more memory than it may",
    "processes": "started more processes than it may",
    "disk": "wrote more than it may",
}


class Followed:
    """A sandboxed process that runs commands, and the pipe that these print to."""

    def __init__(self, process: "Popen[bytes]", output: int, folder: Path | None) -> None:
        assert process.stdout is not None
        self._process = process
        self._reports = process.stdout.fileno()
        self._output = output
        self._folder = folder
        self._reported = b""
        self._printed = b""
        self._selector = DefaultSelector()

    def outcome(self, steps: Sequence[Limits], word: str) -> tuple[str, str]:
        """The result and a detail: passed where each step exits with 0 and a word is printed."""
        with self._selector as selector:
            for number in (self._reports, self._output):
                selector.register(number, EVENT_READ)
            for limits in steps:
                over = self._step(limits)
                if over:
                    return over
                code = self._code()
                if code is None:
                    return "crashed", self._said() or "the sandbox ended"
                if code:
                    return result(code), self._said() or ended(code)
            self._drain()
        if word.encode() not in self._printed:
            return "crashed", "it ended before its tests did"
        return "passed", ""

    def _step(self, limits: Limits) -> tuple[str, str] | None:
        """Wait for the end of a step, or of everything; a result where it goes too far."""
        deadline = time.monotonic() + limits.seconds
        look = time.monotonic() + LOOK_SECONDS
        while b"\n" not in self._reported:
            now = time.monotonic()
            if now >= deadline:
                return "timeout", f"not done within {limits.seconds:g} s"
            if now >= look:
                over = excess(self._process.pid, limits, self._folder)
                if over:
                    return over, EXCESS[over]
                look = time.monotonic() + LOOK_SECONDS
            if not self._read(min(deadline, look) - time.monotonic()):
                break
        return None

    def _read(self, seconds: float) -> bool:
        """Take what has been printed or reported, waiting so long; False at the report's end."""
        for key, _ in self._selector.select(max(0.0, seconds)):
            data = os.read(key.fd, CHUNK)
            if key.fd == self._output:
                self._printed = (self._printed + data)[-KEPT:]
            elif data:
                self._reported += data
            if not data:
                self._selector.unregister(key.fd)
                if key.fd == self._reports:
                    return False
        return True

    def _drain(self) -> None:
        """Take what is still in the pipe; a process that holds it open is not waited for."""
        while self._output in self._selector.get_map():
            printed = self._printed
            self._read(0.0)
            if printed == self._printed:
                break

    def _code(self) -> int | None:
        """The exit code of the step that has ended; None where everything has."""
        line, found, self._reported = self._reported.partition(b"\n")
        try:
            return int(json.loads(line)) if found else None
        except ValueError:
            return None

    def _said(self) -> str:
        """The first line that was printed and speaks of an error, else the last one."""
        self._drain()
        lines = self._printed.decode("utf-8", "replace").strip().splitlines() or [""]
        return next((line for line in lines if ERROR.search(line)), lines[-1]).strip()


def result(code: int) -> str:
    """What the exit code of a step that failed is called."""
    return {-signal.SIGXCPU: "timeout", -signal.SIGXFSZ: "disk"}.get(code, "crashed")


def ended(code: int) -> str:
    """How a command ended that printed nothing."""
    if code > 0:
        return f"exit code {code}"
    try:
        return f"ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"ended by signal {-code}"


OURS = 4  # bubblewrap's two, and the one that starts the commands


def excess(process: int, limits: Limits, folder: Path | None) -> str | None:
    """Which limit they exceed together: `processes`, `memory` or `disk`."""
    all_of_them = descendants(process, limits.processes + OURS)
    if len(all_of_them) > limits.processes + OURS:
        return "processes"
    if sum(map(resident, all_of_them)) > limits.memory:
        return "memory"
    if folder and size(folder, limits.disk) > limits.disk:
        return "disk"
    return None


def descendants(process: int, most: int) -> list[int]:
    """A process and what it has started, and what these have; not many more than `most`."""
    found = [process]
    for parent in found:
        if len(found) > most:
            break
        found += children(parent)
    return found


def resident(process: int) -> int:
    """The bytes of memory that a process has; 0 where it is gone."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGESIZE")


def size(folder: Path, most: int) -> int:
    """The bytes that a folder's files take on the disk; not counted much beyond `most`."""
    total = 0
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            try:
                total += os.lstat(os.path.join(place, name)).st_blocks * 512  # noqa: PTH118
            except OSError:
                continue
        if total > most:
            break
    return total
