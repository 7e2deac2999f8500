"""Whole processes, timed from outside: first byte, last byte, end, and peak memory."""

import os
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


def run(command: Sequence[str], prompt: bytes) -> Run:
    """Run a command on a prompt; RuntimeError where it fails."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
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
    """Each command so many times, in turns, after one turn that is not counted."""
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for turn in range(times + 1):
        for name, command in commands.items():
            result = run(command, prompt)
            if turn:
                runs[name].append(result)
    return runs


def median(runs: Sequence[Run], figure: Callable[[Run], float]) -> float:
    """The median of a figure over runs."""
    return statistics.median(figure(each) for each in runs)


def ratio(runs: Sequence[Run], peer: Sequence[Run], figure: Callable[[Run], float]) -> float:
    """The median over turns of a figure against the peer's in the same turn."""
    return statistics.median(
        figure(ours) / figure(theirs) for ours, theirs in zip(runs, peer, strict=True)
    )
