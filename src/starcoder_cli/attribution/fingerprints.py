"""Fingerprints of code by winnowing (Schleimer, Wilkerson and Aiken, SIGMOD 2003).

A k-gram is a run of MIN_MATCH_TOKENS tokens. Of every FINGERPRINT_WINDOW consecutive k-grams the
one with the smallest hash is kept. So at least one k-gram is kept of each run of
GUARANTEED_MATCH_TOKENS tokens, wherever it occurs: looking up every k-gram of another text finds
each common run of that length, and nothing below MIN_MATCH_TOKENS tokens.
"""

import os
import signal
from array import array
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import TYPE_CHECKING

from starcoder_cli.attribution.records import compress, encode_line_counts, shorten_hashes
from starcoder_cli.attribution.tokens import lexical_syntax_of, tokenize_code
from starcoder_cli.errors import MachineError

if TYPE_CHECKING:
    from concurrent.futures import Future

MIN_MATCH_TOKENS = 16
GUARANTEED_MATCH_TOKENS = 28
FINGERPRINT_WINDOW = GUARANTEED_MATCH_TOKENS - MIN_MATCH_TOKENS + 1

_PRIME = (1 << 61) - 1
_BASE = 0x1B873593CC9E2D51 % _PRIME
_BASE_POWER = pow(_BASE, MIN_MATCH_TOKENS, _PRIME)
_HASH_MASK = (1 << 47) - 1  # six bytes in SQLite, never negative


def hash_kgrams(hashes: Sequence[int]) -> list[int]:
    """A 47-bit hash for each k-gram of tokens, rolling like that of Karp and Rabin."""
    sums = list(accumulate(hashes, lambda sum_, token: (sum_ * _BASE + token) % _PRIME, initial=0))
    pairs = zip(sums, sums[MIN_MATCH_TOKENS:], strict=False)
    return [(end - start * _BASE_POWER) % _PRIME & _HASH_MASK for start, end in pairs]


def winnow(hashes: Sequence[int]) -> Iterator[int]:
    """The positions of the hashes to keep, in order: the smallest of each window.

    On ties the one already kept wins, else the last: this robust form keeps one per window if all
    are equal.
    """
    selected = -1
    for start in range(len(hashes) - FINGERPRINT_WINDOW + 1):
        if selected < start:
            window = hashes[start : start + FINGERPRINT_WINDOW]
            selected = start + FINGERPRINT_WINDOW - 1 - window[::-1].index(min(window))
        elif hashes[start + FINGERPRINT_WINDOW - 1] < hashes[selected]:
            selected = start + FINGERPRINT_WINDOW - 1
        else:
            continue
        yield selected


BATCH_BYTES = 1 << 20
MAX_BATCHES_PER_WORKER = 2


@dataclass(frozen=True)
class FileToIndex:
    """A file to read: its project, name, licence, language and bytes."""

    project_id: int
    path: str
    licence: str
    digest: bytes
    language: str
    data: bytes


@dataclass(frozen=True)
class FileFingerprint:
    """What an index stores for a file; short hashes and line counts are compressed."""

    short_hashes: bytes
    line_counts: bytes
    kgram_hashes: Sequence[int]


def fingerprint_file(language: str, data: bytes) -> FileFingerprint:
    """Fingerprint some code."""
    tokenized = tokenize_code(data, lexical_syntax_of(language))
    hashes = hash_kgrams(tokenized.hashes)
    distinct = array("q", {hashes[position] for position in winnow(hashes)})
    return FileFingerprint(
        compress(shorten_hashes(tokenized.hashes)),
        compress(encode_line_counts(data, tokenized.spans)),
        distinct,
    )


def fingerprint_files(files: Sequence[tuple[str, bytes]]) -> list[FileFingerprint]:
    """Fingerprint several files, each given as a language and its code."""
    return [fingerprint_file(language, data) for language, data in files]


def fingerprint_in_parallel(
    files: Iterable[FileToIndex],
) -> Iterator[tuple[FileToIndex, FileFingerprint]]:
    """Fingerprint files in order, with help from other processes if that pays off.

    Raises MachineError if one of them is killed.
    """
    remaining_batches = split_into_batches(files)
    first_batch = next(remaining_batches, [])
    if count_code_bytes(first_batch) < BATCH_BYTES:
        yield from zip(first_batch, fingerprint_files(worker_input(first_batch)), strict=True)
        return
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    workers = os.cpu_count() or 1
    pool = ProcessPoolExecutor(workers, get_context("spawn"), ignore_interrupts)
    pending: deque[tuple[list[FileToIndex], Future[list[FileFingerprint]]]] = deque()
    try:
        for batch in chain([first_batch], remaining_batches):
            pending.append((batch, pool.submit(fingerprint_files, worker_input(batch))))
            if len(pending) > MAX_BATCHES_PER_WORKER * workers:
                yield from pair_with_results(*pending.popleft())
        while pending:
            yield from pair_with_results(*pending.popleft())
    except BrokenProcessPool as error:
        raise MachineError(
            "a process that was reading code was killed", "free some memory, and try again"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def pair_with_results(
    batch: list[FileToIndex], future: "Future[list[FileFingerprint]]"
) -> Iterator[tuple[FileToIndex, FileFingerprint]]:
    """Pair the files of a batch with their fingerprints."""
    return zip(batch, future.result(), strict=True)


def ignore_interrupts() -> None:
    """Ignore Ctrl-C, and leave it to the main process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def worker_input(batch: Iterable[FileToIndex]) -> list[tuple[str, bytes]]:
    """The language and code of files, as a worker needs them."""
    return [(file.language, file.data) for file in batch]


def count_code_bytes(batch: Iterable[FileToIndex]) -> int:
    """The total bytes of code in files."""
    return sum(len(file.data) for file in batch)


def split_into_batches(files: Iterable[FileToIndex]) -> Iterator[list[FileToIndex]]:
    """Group files into batches of at least BATCH_BYTES, except for the last one."""
    batch: list[FileToIndex] = []
    batch_bytes = 0
    for file in files:
        batch.append(file)
        batch_bytes += len(file.data)
        if batch_bytes >= BATCH_BYTES:
            yield batch
            batch, batch_bytes = [], 0
    if batch:
        yield batch
