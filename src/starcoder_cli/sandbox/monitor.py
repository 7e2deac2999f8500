"""Watches the commands of a sandbox: what they print and use, and how each of them ends."""

import errno
import json
import os
import re
import signal
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from typing import TYPE_CHECKING

from starcoder_cli.sandbox.trial import Limits
from starcoder_cli.system.processes import list_children

if TYPE_CHECKING:
    from subprocess import Popen

LIMIT_CHECK_SECONDS = 0.05
OUTPUT_TAIL_BYTES = 1 << 14
MONITOR_READ_BYTES = 1 << 16
ERROR_PATTERN = re.compile(r"error|exception|assert", re.I)
EXCESS_DETAILS = {
    "memory": "took more memory than it may",
    "processes": "started more processes than it may",
    "disk": "wrote more than it may",
}


class CommandMonitor:
    """A sandboxed process that runs commands, and the pipe that these print to."""

    def __init__(
        self,
        process: "Popen[bytes]",
        output_fd: int,
        folder: Path | None,
        tail_bytes: int = OUTPUT_TAIL_BYTES,
    ) -> None:
        """The last `tail_bytes` bytes that they print are kept."""
        assert process.stdout is not None
        self._process = process
        self._report_fd = process.stdout.fileno()
        self._output_fd = output_fd
        self._folder = folder
        self._tail_bytes = tail_bytes
        self._report_data = b""
        self._output_tail = b""
        self._selector = DefaultSelector()

    @property
    def output(self) -> str:
        """The end of what has been printed."""
        return self._output_tail.decode("utf-8", "replace")

    def wait_for_outcome(self, steps: Sequence[Limits], nonce: str) -> tuple[str, str]:
        """The result and a detail: passed if each step exits with 0 and the nonce is printed."""
        with self._selector as selector:
            for descriptor in (self._report_fd, self._output_fd):
                selector.register(descriptor, EVENT_READ)
            for limits in steps:
                exceeded = self._wait_for_step(limits)
                if exceeded:
                    return exceeded
                exit_code = self._take_exit_code()
                if exit_code is None:
                    return "crashed", self._find_error_line() or "the sandbox ended"
                if exit_code:
                    return failure_result(exit_code), self._find_error_line() or describe_exit(
                        exit_code
                    )
            self._drain()
        if nonce.encode() not in self._output_tail:
            return "crashed", "it ended before its tests did"
        return "passed", ""

    def _wait_for_step(self, limits: Limits) -> tuple[str, str] | None:
        """Wait for a step, or everything, to end; return a result if it exceeds a limit."""
        deadline = time.monotonic() + limits.seconds
        next_check = time.monotonic() + LIMIT_CHECK_SECONDS
        while b"\n" not in self._report_data:
            now = time.monotonic()
            if now >= deadline:
                return "timeout", f"not done within {limits.seconds:g} s"
            if now >= next_check:
                exceeded = find_exceeded_limit(self._process.pid, limits, self._folder)
                if exceeded:
                    return exceeded, EXCESS_DETAILS[exceeded]
                next_check = time.monotonic() + LIMIT_CHECK_SECONDS
            if not self._read_ready(min(deadline, next_check) - time.monotonic()):
                break
        return None

    def _read_ready(self, seconds: float) -> bool:
        """Take what has been printed or reported, waiting this long; false at the report's end."""
        for key, _ in self._selector.select(max(0.0, seconds)):
            data = os.read(key.fd, MONITOR_READ_BYTES)
            if key.fd == self._output_fd:
                self._output_tail = (self._output_tail + data)[-self._tail_bytes :]
            elif data:
                self._report_data += data
            if not data:
                self._selector.unregister(key.fd)
                if key.fd == self._report_fd:
                    return False
        return True

    def _drain(self) -> None:
        """Take what is still in the pipe, without waiting for a process that holds it open."""
        while self._output_fd in self._selector.get_map():
            before = self._output_tail
            self._read_ready(0.0)
            if before == self._output_tail:
                break

    def _take_exit_code(self) -> int | None:
        """The exit code of the step that has ended, or None if everything has."""
        line, newline, self._report_data = self._report_data.partition(b"\n")
        try:
            return int(json.loads(line)) if newline else None
        except ValueError:
            return None

    def _find_error_line(self) -> str:
        """The first printed line that mentions an error, else the last line."""
        self._drain()
        lines = self.output.strip().splitlines() or [""]
        return next((line for line in lines if ERROR_PATTERN.search(line)), lines[-1]).strip()


def failure_result(exit_code: int) -> str:
    """The result for the exit code of a step that failed."""
    return {-signal.SIGXCPU: "timeout", -signal.SIGXFSZ: "disk"}.get(exit_code, "crashed")


def describe_exit(exit_code: int) -> str:
    """How a command that printed nothing ended."""
    if exit_code > 0:
        return f"exit code {exit_code}"
    try:
        return f"ended by {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"ended by signal {-exit_code}"


BLOCK_BYTES = 512  # the unit of `st_blocks`, on every disk
OWN_PROCESSES = 4  # bubblewrap's two, and the one that starts the commands


def find_exceeded_limit(process: int, limits: Limits, folder: Path | None) -> str | None:
    """Which limit they exceed together: `processes`, `memory` or `disk`; None if none."""
    processes = list_processes(process, limits.processes + OWN_PROCESSES)
    if len(processes) > limits.processes + OWN_PROCESSES:
        return "processes"
    if sum(map(resident_bytes, processes)) > limits.memory:
        return "memory"
    if folder:
        total = folder_bytes(folder, limits.disk)
        if total + nameless_bytes(processes, folder) > limits.disk:
            return "disk"
    return None


def list_processes(process: int, limit: int) -> list[int]:
    """A process and its descendants, but not many more than `limit`."""
    processes = [process]
    for parent in processes:
        if len(processes) > limit:
            break
        processes += list_children(parent)
    return processes


def resident_bytes(process: int) -> int:
    """The bytes of memory that a process has, or 0 if it is gone."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGESIZE")


def folder_bytes(folder: Path, limit: int) -> int:
    """The bytes that a folder's files take on disk, counted to slightly beyond `limit`.

    A path that is too long for the system counts as beyond it, since it cannot be measured.
    """
    total = 0
    waiting = [str(folder)]
    while waiting and total <= limit:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    total += entry.stat(follow_symlinks=False).st_blocks * BLOCK_BYTES
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                return limit + 1
    return total


def nameless_bytes(processes: Sequence[int], folder: Path) -> int:
    """The bytes of open files on the folder's disk that have no name.

    Files that are only mapped count as far as they are mapped. Processes that this one may not
    inspect, as root may not everywhere, count as having none.
    """
    device = folder.stat().st_dev
    found: dict[int, int] = {}
    for process in processes:
        with suppress(OSError), os.scandir(f"/proc/{process}/fd") as descriptors:
            for descriptor in descriptors:
                with suppress(OSError):
                    file = descriptor.stat()
                    if stat.S_ISREG(file.st_mode) and not file.st_nlink and file.st_dev == device:
                        found[file.st_ino] = file.st_blocks * BLOCK_BYTES
        with suppress(OSError):
            for inode, size in mapped_files(process, folder):
                found[inode] = max(size, found.get(inode, 0))
    return sum(found.values())


def mapped_files(process: int, folder: Path) -> Iterator[tuple[int, int]]:
    """Yield each nameless file below a folder that a process has mapped: its number, and the
    bytes of each mapped part (proc(5), `maps`).
    """
    text = Path(f"/proc/{process}/maps").read_text(encoding="utf-8", errors="replace")
    for line in text.splitlines():
        addresses, _, _, _, inode, *path = line.split(maxsplit=5)
        if path and path[0].startswith(f"{folder}/") and path[0].endswith(" (deleted)"):
            start, end = (int(address, 16) for address in addresses.split("-"))
            yield int(inode), end - start
