"""The records of files in an index, none of which are trusted."""

import re
import sqlite3
import sys
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate, chain
from pathlib import Path

from starcoder_cli.attribution.sqlite_errors import REBUILD_HINT
from starcoder_cli.errors import DataError


@dataclass(frozen=True)
class IndexedFile:
    """A file of an index: its project, path and licence."""

    root: str
    project: str
    version: str
    path: str
    licence: str

    @property
    def project_key(self) -> tuple[str, str, str]:
        """The values that identify a project."""
        return self.root, self.project, self.version


class IndexedFiles:
    """The files of an open index, each queried once. Raises DataError for inconsistent records."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._cache: dict[int, IndexedFile] = {}

    def get(self, file_id: int) -> IndexedFile:
        """A file's project, path and licence."""
        if file_id not in self._cache:
            query = (
                "SELECT root, name, version, path, file.licence"
                " FROM file JOIN project ON project.id = project WHERE file.id = ?"
            )
            values = self._select_row(query, file_id)
            with self._reporting_damage(file_id):
                if not all(isinstance(value, str) for value in values):
                    raise ValueError("a name is not text")
                self._cache[file_id] = IndexedFile(*map(str, values))
        return self._cache[file_id]

    def short_hashes(self, file_id: int) -> bytes:
        """The short hashes of a file's tokens."""
        (blob,) = self._select_row("SELECT tokens FROM file WHERE id = ?", file_id)
        with self._reporting_damage(file_id):
            hashes = decompress(blob)
            if len(hashes) % SHORT_HASH_BYTES:
                raise ValueError("half a token")
            return hashes

    def line_ends(self, file_id: int) -> Sequence[int]:
        """The number of tokens up to the end of each line of a file."""
        (blob,) = self._select_row("SELECT lines FROM file WHERE id = ?", file_id)
        with self._reporting_damage(file_id):
            return decode_line_ends(decompress(blob))

    def _select_row(self, query: str, file_id: int) -> Sequence[object]:
        row: Sequence[object] | None = self._connection.execute(query, (file_id,)).fetchone()
        with self._reporting_damage(file_id):
            if row is None:
                raise ValueError("it is missing")
            return row

    @contextmanager
    def _reporting_damage(self, file_id: object) -> Iterator[None]:
        try:
            yield
        except ValueError as error:
            raise DataError(
                f"{self._path} is damaged: file {file_id}: {error}", REBUILD_HINT
            ) from error


SHORT_HASH_BYTES = 2
MAX_DECOMPRESSED_BYTES = 16 << 20
_MAX_LINE_COUNT = 255
LINE_END = re.compile(rb"\r\n|\n|\r")


def shorten_hashes(hashes: Sequence[int]) -> bytes:
    """The lower 16 bits of each token's hash, little-endian."""
    lower = array("H", [hash_ & 0xFFFF for hash_ in hashes])
    if sys.byteorder == "big":
        lower.byteswap()
    return lower.tobytes()


def encode_line_counts(data: bytes, spans: Sequence[tuple[int, int]]) -> bytes:
    """Encode how many tokens begin on each line: a byte, and one more per 255 tokens."""
    starts = [start for start, _ in spans]
    encoded, counted = bytearray(), 0
    for line_end in chain((match.end() for match in LINE_END.finditer(data)), [len(data)]):
        total = bisect_left(starts, line_end)
        full_bytes, rest = divmod(total - counted, _MAX_LINE_COUNT)
        encoded += bytes([_MAX_LINE_COUNT] * full_bytes + [rest])
        counted = total
    return bytes(encoded)


def decode_line_ends(line_counts: bytes) -> list[int]:
    """The number of tokens up to the end of each line."""
    sums = accumulate(line_counts)
    return [
        total for total, count in zip(sums, line_counts, strict=True) if count < _MAX_LINE_COUNT
    ]


def line_of_token(line_ends: Sequence[int], token: int) -> int:
    """The line, from 1, on which a token begins."""
    return bisect_left(line_ends, token + 1) + 1


def compress(data: bytes) -> bytes:
    """Compress bytes."""
    return zlib.compress(data)


def decompress(blob: object) -> bytes:
    """Decompress bytes; raises ValueError if they are invalid or too large."""
    if not isinstance(blob, bytes):
        raise ValueError("no bytes")
    decompressor = zlib.decompressobj()
    try:
        data = decompressor.decompress(blob, MAX_DECOMPRESSED_BYTES)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if not decompressor.eof:
        raise ValueError("incomplete, or too large")
    return data
