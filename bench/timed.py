"""Whole processes, timed from outside: first byte, last byte, end, and peak memory."""

import os
import select
import signal
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """One run: seconds to the first byte of output, to the last and to the end; peak MiB."""

    first: float
    last: float
    end: float
    peak: float
    output: bytes

    @property
    def between(self) -> float:
        """Seconds from the first byte to the last."""
        return self.last - self.first


def started(command: Sequence[str]) -> "subprocess.Popen[bytes]":
    """Start a command that waits for its prompt; Python keeps compiled files, as for users."""
    kept = {name: each for name, each in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, env=kept)


def run(command: Sequence[str], prompt: bytes) -> Run:
    """Run a command on a prompt; raises RuntimeError if it fails."""
    begin = time.perf_counter()
    process = started(command)
    assert process.stdin
    assert process.stdout
    process.stdin.write(prompt)
    process.stdin.close()
    pieces: list[bytes] = []
    moments: list[float] = []
    while data := os.read(process.stdout.fileno(), 65536):
        moments.append(time.perf_counter() - begin)
        pieces.append(data)
    process.stdout.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or not moments:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")
    end = time.perf_counter() - begin
    return Run(moments[0], moments[-1], end, usage.ru_maxrss / 1024, b"".join(pieces))


def interleaved(
    commands: Mapping[str, Sequence[str]], prompt: bytes, times: int
) -> dict[str, list[Run]]:
    """Run each command `times` times, in turns, after one turn that is not counted."""
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for turn in range(times + 1):
        for name, command in commands.items():
            result = run(command, prompt)
            if turn:
                runs[name].append(result)
    return runs


def alternating(
    commands: Mapping[str, Sequence[str]], prompt: bytes, slice_seconds: float = 0.25
) -> dict[str, float]:
    """Seconds each command takes from its first byte to its last, running slices in turn.

    While one runs the others are stopped, so that a machine whose speed changes from second to
    second is as fast for one as for the other. Raises RuntimeError if a command fails.
    """
    processes: dict[str, subprocess.Popen[bytes]] = {}
    seconds, last = dict.fromkeys(commands, 0.0), dict.fromkeys(commands, 0.0)
    try:
        for name, command in commands.items():
            process = processes[name] = started(command)
            assert process.stdin
            process.stdin.write(prompt)
            process.stdin.close()
            assert process.stdout
            if not os.read(process.stdout.fileno(), 65536):
                raise RuntimeError(f"{command[0]} wrote nothing")
            process.send_signal(signal.SIGSTOP)
        unfinished = dict(processes)
        while unfinished:
            for name, process in list(unfinished.items()):
                process.send_signal(signal.SIGCONT)
                spent, written, ended = follow(process, slice_seconds)
                if written is not None:
                    last[name] = seconds[name] + written
                seconds[name] += spent
                if ended:
                    del unfinished[name]
                else:
                    process.send_signal(signal.SIGSTOP)
        if any(process.wait() for process in processes.values()):
            raise RuntimeError("a command failed")
    finally:
        for process in processes.values():
            process.kill()
            process.wait()
    return last


def follow(process: subprocess.Popen[bytes], seconds: float) -> tuple[float, float | None, bool]:
    """Read what a process writes for `seconds`, or until it ends.

    Returns the seconds that this took, the seconds until the last byte or None, and whether it
    ended.
    """
    assert process.stdout
    begin = time.perf_counter()
    written = None
    while (left := begin + seconds - time.perf_counter()) > 0:
        if select.select([process.stdout], [], [], left)[0]:
            if not os.read(process.stdout.fileno(), 65536):
                return time.perf_counter() - begin, written, True
            written = time.perf_counter() - begin
    return time.perf_counter() - begin, written, False


def median(runs: Sequence[Run], figure: Callable[[Run], float]) -> float:
    """The median of a figure over runs."""
    return statistics.median(figure(each) for each in runs)


def ratio(runs: Sequence[Run], peer: Sequence[Run], figure: Callable[[Run], float]) -> float:
    """The median ratio of a figure to the peer's in the same turn."""
    return statistics.median(
        figure(ours) / figure(theirs) for ours, theirs in zip(runs, peer, strict=True)
    )
