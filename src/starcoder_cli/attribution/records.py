"""What an index tells of its files; nothing of it is taken on trust."""

import sqlite3
import sys
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from starcoder_cli.attribution.index import DAMAGED
from starcoder_cli.errors import DataError


@dataclass(frozen=True)
class Told:
    """Whose a file is, what it is called, and its licence; the tokens and lines are packed."""

    root: str
    project: str
    version: str
    path: str
    licence: str

    @property
    def identity(self) -> tuple[str, str, str]:
        """What tells one project from another."""
        return self.root, self.project, self.version


class Files:
    """The files of an open index, each asked for once. DataError for what does not fit together."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._told: dict[int, Told] = {}

    def told(self, file: int) -> Told:
        """What is known of a file."""
        if file not in self._told:
            query = (
                "SELECT root, name, version, path, file.licence"
                " FROM file JOIN project ON project.id = project WHERE file.id = ?"
            )
            words = self._row(query, file)
            with self._sound(file):
                if not all(isinstance(word, str) for word in words):
                    raise ValueError("a name is no text")
                self._told[file] = Told(*map(str, words))
        return self._told[file]

    def marks(self, file: int) -> bytes:
        """The marks of a file's tokens."""
        (blob,) = self._row("SELECT tokens FROM file WHERE id = ?", file)
        with self._sound(file):
            found = unpacked(blob)
            if len(found) % MARK_BYTES:
                raise ValueError("half a token")
            return found

    def line_ends(self, file: int) -> Sequence[int]:
        """How many tokens there are up to the end of each line of a file."""
        (blob,) = self._row("SELECT lines FROM file WHERE id = ?", file)
        with self._sound(file):
            return line_ends(unpacked(blob))

    def _row(self, query: str, file: int) -> Sequence[object]:
        row: Sequence[object] | None = self._connection.execute(query, (file,)).fetchone()
        with self._sound(file):
            if row is None:
                raise ValueError("it is missing")
            return row

    @contextmanager
    def _sound(self, file: object) -> Iterator[None]:
        try:
            yield
        except ValueError as error:
            raise DataError(f"{self._path} is damaged: file {file}: {error}", DAMAGED) from error


MARK_BYTES = 2
MOST_BYTES = 16 << 20
_FULL = 255


def marks(hashes: Sequence[int]) -> bytes:
    """The lower 16 bits of each token's hash, little-endian."""
    lower = array("H", [hash_ & 0xFFFF for hash_ in hashes])
    if sys.byteorder == "big":
        lower.byteswap()
    return lower.tobytes()


def counts(data: bytes, places: Sequence[tuple[int, int]]) -> bytes:
    """How many tokens begin on each line: a byte a line, and one more for each 255 tokens."""
    starts = [start for start, _ in places]
    found, at, before = bytearray(), 0, 0
    while at >= 0:
        at = data.find(b"\n", at) + 1 or -1
        upto = bisect_left(starts, at) if at > 0 else len(starts)
        full, rest = divmod(upto - before, _FULL)
        found += bytes([_FULL] * full + [rest])
        before = upto
    return bytes(found)


def line_ends(counted: bytes) -> list[int]:
    """How many tokens there are up to the end of each line."""
    sums = accumulate(counted)
    return [total for total, count in zip(sums, counted, strict=True) if count < _FULL]


def line(ends: Sequence[int], token: int) -> int:
    """The line, from 1, on which a token begins."""
    return bisect_left(ends, token + 1) + 1


def packed(data: bytes) -> bytes:
    """The bytes, compressed."""
    return zlib.compress(data)


def unpacked(blob: object) -> bytes:
    """What was packed; ValueError where it is not sound, or larger than it may be."""
    if not isinstance(blob, bytes):
        raise ValueError("no bytes")
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(blob, MOST_BYTES)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if not unpacker.eof:
        raise ValueError("incomplete, or too large")
    return data
