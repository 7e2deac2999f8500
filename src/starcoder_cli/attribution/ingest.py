"""How the code of a source gets into an index, and what of it has changed since."""

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from starcoder_cli.attribution.fingerprints import Job, Kept, fingerprinted
from starcoder_cli.attribution.index import forget, is_opted_out, writing
from starcoder_cli.attribution.projects import Project, is_code, projects, tree_at
from starcoder_cli.errors import DataError
from starcoder_cli.languages import detect

DIGEST_BYTES = 16
BINARY = b"\0"


@dataclass(frozen=True)
class Added:
    """What came of adding a source: its projects and files, and how many were new or are gone."""

    projects: int
    files: int
    new: int
    gone: int


def add(
    path: Path, licence: str, index: Path, report: Callable[[int, int], None] = lambda *_: None
) -> Added:
    """Put the code at a path into an index, or bring up to date what is there already.

    A folder or an archive; `licence` is an SPDX expression that overrules what the code says, or
    empty. What is in another path that was added belongs to that one. `report` is told how many
    files are done, and of how many. Raises InputError or DataError for what cannot be read.
    """
    root = path.resolve()
    tree = tree_at(root)
    if not any(is_code(name) for name in tree.names):
        raise DataError(
            f"there is no code in {path}", "name a folder, a wheel or an sdist with some"
        )
    with writing(index) as connection:
        update = Update(connection, registered(connection, root, licence))
        found = projects(tree, licence, inner(connection, root))
        wanted = [each for each in found if not is_opted_out(connection, each.about.name)]
        new = store(connection, fingerprinted(update.jobs(wanted, report)))
        gone = update.finish()
    return Added(len(wanted), len(update.kept) + new, new, gone)


def registered(connection: sqlite3.Connection, root: Path, licence: str) -> int:
    """The number of a source."""
    connection.execute(
        "INSERT INTO source (path, licence) VALUES (?, ?)"
        " ON CONFLICT (path) DO UPDATE SET licence = excluded.licence",
        (str(root), licence),
    )
    query = "SELECT id FROM source WHERE path = ?"
    (number,) = connection.execute(query, (str(root),)).fetchone()
    return int(number)


def inner(connection: sqlite3.Connection, root: Path) -> list[str]:
    """The sources below a folder, by their names from there on."""
    paths = [Path(path) for (path,) in connection.execute("SELECT path FROM source")]
    below = (path for path in paths if path != root and path.is_relative_to(root))
    return [path.relative_to(root).as_posix() for path in below]


class Update:
    """What is in an index of one source, and what is to be there.

    Its projects get new rows; files whose bytes are the same are handed on to them.
    """

    def __init__(self, connection: sqlite3.Connection, source: int) -> None:
        self._connection = connection
        self._source = source
        self.kept: set[int] = set()
        rows = connection.execute(
            "SELECT root, path, digest, file.id FROM file"
            " JOIN project ON project.id = project WHERE source = ?",
            (source,),
        ).fetchall()
        self._known: Mapping[tuple[str, str], tuple[bytes, int]] = {
            (root, path): (digest, file) for root, path, digest, file in rows
        }
        query = "SELECT id FROM project WHERE source = ?"
        self._old = [number for (number,) in connection.execute(query, (source,))]

    def jobs(self, found: Iterable[Project], report: Callable[[int, int], None]) -> Iterator[Job]:
        """What has to be read anew."""
        listed = [project for project in found if project.code]
        total, done = sum(len(project.code) for project in listed), 0
        for project in listed:
            about = project.about
            values = (self._source, project.root, about.name, about.version, project.licence)
            row = self._connection.execute(
                "INSERT INTO project (source, root, name, version, licence) VALUES (?, ?, ?, ?, ?)",
                values,
            )
            for name in project.code:
                data = project.tree.read(name)
                if data is not None and BINARY not in data:
                    yield from self._job(project, row.lastrowid or 0, name, data)
                done += 1
                report(done, total)

    def _job(self, project: Project, number: int, name: str, data: bytes) -> Iterator[Job]:
        path, licence = project.path(name), project.licence_of(name, data)
        digest = hashlib.blake2b(data, digest_size=DIGEST_BYTES).digest()
        known, file = self._known.get((project.root, path), (b"", 0))
        if known == digest and file not in self.kept:
            self.kept.add(file)
            query = "UPDATE file SET project = ?, licence = ? WHERE id = ?"
            self._connection.execute(query, (number, licence, file))
        elif language := detect(name):
            yield Job(number, path, licence, digest, language.name, data)

    def finish(self) -> int:
        """Let go of what the source has no more; how many files those are."""
        return forget(self._connection, self._old)


def store(connection: sqlite3.Connection, files: Iterable[tuple[Job, Kept]]) -> int:
    """Put files into an index; how many those are.

    The rows of all are sorted before they go in: their table then grows at its pages' ends.
    """
    connection.execute("CREATE TEMP TABLE arrived (hash INTEGER, file INTEGER)")
    number = 0
    for job, kept in files:
        number += 1
        values = (job.project, job.path, job.licence, job.digest, kept.tokens, kept.lines)
        file = connection.execute(
            "INSERT INTO file (project, path, licence, digest, tokens, lines)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            values,
        ).lastrowid
        rows = ((hash_, file) for hash_ in kept.hashes)
        connection.executemany("INSERT INTO arrived VALUES (?, ?)", rows)
    connection.execute("INSERT INTO posting SELECT hash, file FROM arrived ORDER BY hash, file")
    connection.execute("DROP TABLE arrived")
    return number
