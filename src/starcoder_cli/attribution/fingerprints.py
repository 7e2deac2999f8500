"""Fingerprints of code by winnowing (Schleimer, Wilkerson and Aiken, SIGMOD 2003).

A k-gram is a run of MIN_MATCH_TOKENS tokens. Of every FINGERPRINT_WINDOW consecutive k-grams the
one with the least hash is kept. So of each run of GUARANTEED_MATCH_TOKENS tokens at least one
k-gram is kept, wherever the run stands: whoever looks up every k-gram of another text finds each
run of that length that the two have in common, and nothing below MIN_MATCH_TOKENS tokens.
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
_HASH_MASK = (1 << 47) - 1  # six bytes in SQLite, none of them negative


def hash_kgrams(hashes: Sequence[int]) -> list[int]:
    """A hash of 47 bits for each k-gram of tokens, rolled over them as Karp and Rabin's."""
    sums = list(accumulate(hashes, lambda sum_, token: (sum_ * _BASE + token) % _PRIME, initial=0))
    pairs = zip(sums, sums[MIN_MATCH_TOKENS:], strict=False)
    return [(end - start * _BASE_POWER) % _PRIME & _HASH_MASK for start, end in pairs]


def winnow(hashes: Sequence[int]) -> Iterator[int]:
    """The places of the hashes that are kept, in order: the least of each window.

    Where several are the least, the one that is kept already counts, else the last: the robust
    form, which keeps one of each window where all are the same.
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
    """A file to be read: of which project, by which name, under which licence; and its bytes."""

    project_id: int
    path: str
    licence: str
    digest: bytes
    language: str
    data: bytes


@dataclass(frozen=True)
class FileFingerprint:
    """What an index keeps of a file; short hashes and line counts are compressed."""

    short_hashes: bytes
    line_counts: bytes
    kgram_hashes: Sequence[int]


def fingerprint_file(language: str, data: bytes) -> FileFingerprint:
    """What an index keeps of some code."""
    tokenized = tokenize_code(data, lexical_syntax_of(language))
    hashes = hash_kgrams(tokenized.hashes)
    distinct = array("q", {hashes[position] for position in winnow(hashes)})
    return FileFingerprint(
        compress(shorten_hashes(tokenized.hashes)),
        compress(encode_line_counts(data, tokenized.spans)),
        distinct,
    )


def fingerprint_files(files: Sequence[tuple[str, bytes]]) -> list[FileFingerprint]:
    """The same for several files, each a language and its code."""
    return [fingerprint_file(language, data) for language, data in files]


def fingerprint_in_parallel(
    files: Iterable[FileToIndex],
) -> Iterator[tuple[FileToIndex, FileFingerprint]]:
    """Each file with what is to be kept of it, in order; other processes help where it pays.

    Raises MachineError where one of them is killed.
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
    """The files of a batch with their fingerprints."""
    return zip(batch, future.result(), strict=True)


def ignore_interrupts() -> None:
    """Leave it to the first process what Ctrl-C means."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def worker_input(batch: Iterable[FileToIndex]) -> list[tuple[str, bytes]]:
    """What another process has to know of some files: language and code."""
    return [(file.language, file.data) for file in batch]


def count_code_bytes(batch: Iterable[FileToIndex]) -> int:
    """How many bytes of code there are in some files."""
    return sum(len(file.data) for file in batch)


def split_into_batches(files: Iterable[FileToIndex]) -> Iterator[list[FileToIndex]]:
    """Files in groups of at least BATCH_BYTES, but for the last one."""
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
