"""Fingerprints of code by winnowing (Schleimer, Wilkerson and Aiken, SIGMOD 2003).

Of every WINDOW consecutive runs of SHORTEST tokens one is kept, that with the least hash. So of
each run of SURE tokens at least one is kept, wherever the run stands: whoever looks up every run of
another text finds each SURE tokens that the two have in common, and nothing below SHORTEST tokens.
"""

import os
import signal
from array import array
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import TYPE_CHECKING

from starcoder_cli.attribution.records import counts, marks, packed
from starcoder_cli.attribution.tokens import lexicon, tokens
from starcoder_cli.errors import MachineError

if TYPE_CHECKING:
    from concurrent.futures import Future

SHORTEST = 16
SURE = 28
WINDOW = SURE - SHORTEST + 1

_PRIME = (1 << 61) - 1
_BASE = 0x1B873593CC9E2D51 % _PRIME
_OUT = pow(_BASE, SHORTEST, _PRIME)
_KEPT = (1 << 47) - 1  # six bytes in SQLite, none of them negative


def runs(hashes: Sequence[int]) -> list[int]:
    """A hash of 47 bits for each run of SHORTEST tokens, rolled over them as Karp and Rabin's."""
    sums = list(accumulate(hashes, lambda sum_, token: (sum_ * _BASE + token) % _PRIME, initial=0))
    pairs = zip(sums, sums[SHORTEST:], strict=False)
    return [(end - start * _OUT) % _PRIME & _KEPT for start, end in pairs]


def winnow(hashes: Sequence[int]) -> Iterator[int]:
    """The places of the hashes that are kept, in order: the least of each window.

    Where several are the least, the one that is kept already counts, else the last: the robust
    form, which keeps one of each window where all are the same.
    """
    kept = -1
    for start in range(len(hashes) - WINDOW + 1):
        if kept < start:
            window = hashes[start : start + WINDOW]
            kept = start + WINDOW - 1 - window[::-1].index(min(window))
        elif hashes[start + WINDOW - 1] < hashes[kept]:
            kept = start + WINDOW - 1
        else:
            continue
        yield kept


BATCH_BYTES = 1 << 20
WAITING = 2  # batches a process


@dataclass(frozen=True)
class Job:
    """A file to be read: of which project, by which name, under which licence; and its bytes."""

    project: int
    path: str
    licence: str
    digest: bytes
    language: str
    data: bytes


@dataclass(frozen=True)
class Kept:
    """What an index keeps of a file: its tokens and lines, packed, and the hashes of its runs."""

    tokens: bytes
    lines: bytes
    hashes: Sequence[int]


def kept(language: str, data: bytes) -> Kept:
    """What an index keeps of some code."""
    read = tokens(data, lexicon(language))
    hashes = runs(read.hashes)
    distinct = array("q", {hashes[at] for at in winnow(hashes)})
    return Kept(packed(marks(read.hashes)), packed(counts(data, read.places)), distinct)


def all_kept(files: Sequence[tuple[str, bytes]]) -> list[Kept]:
    """The same for several files, each a language and its code."""
    return [kept(language, data) for language, data in files]


def fingerprinted(jobs: Iterable[Job]) -> Iterator[tuple[Job, Kept]]:
    """Each file with what is to be kept of it, in order; other processes help where it pays.

    Raises MachineError where one of them is killed.
    """
    groups = batches(jobs)
    first = next(groups, [])
    if size(first) < BATCH_BYTES:
        yield from zip(first, all_kept(contents(first)), strict=True)
        return
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    workers = os.cpu_count() or 1
    pool = ProcessPoolExecutor(workers, get_context("spawn"), unstoppable)
    waiting: deque[tuple[list[Job], Future[list[Kept]]]] = deque()
    try:
        for batch in chain([first], groups):
            waiting.append((batch, pool.submit(all_kept, contents(batch))))
            if len(waiting) > WAITING * workers:
                yield from finished(*waiting.popleft())
        while waiting:
            yield from finished(*waiting.popleft())
    except BrokenProcessPool as error:
        raise MachineError(
            "a process that was reading code was killed", "free some memory, and try again"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def finished(batch: list[Job], future: "Future[list[Kept]]") -> Iterator[tuple[Job, Kept]]:
    """The jobs of a batch with what came of them."""
    return zip(batch, future.result(), strict=True)


def unstoppable() -> None:
    """Leave it to the first process what Ctrl-C means."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def contents(batch: Iterable[Job]) -> list[tuple[str, bytes]]:
    """What another process has to know of some jobs."""
    return [(job.language, job.data) for job in batch]


def size(batch: Iterable[Job]) -> int:
    """How many bytes of code there are in some jobs."""
    return sum(len(job.data) for job in batch)


def batches(jobs: Iterable[Job]) -> Iterator[list[Job]]:
    """Jobs in groups of at least BATCH_BYTES, but for the last one."""
    batch: list[Job] = []
    waiting = 0
    for job in jobs:
        batch.append(job)
        waiting += len(job.data)
        if waiting >= BATCH_BYTES:
            yield batch
            batch, waiting = [], 0
    if batch:
        yield batch
