"""What an index tells of its files; nothing of it is taken on trust."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from starcoder_cli.attribution.database import DAMAGED
from starcoder_cli.attribution.packing import MARK_BYTES, line_ends, unpacked
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
