"""Add the code of a source to an index, and detect what has changed since."""

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from starcoder_cli.attribution.containers import MAX_INDEXED_FILE_BYTES
from starcoder_cli.attribution.fingerprints import (
    FileFingerprint,
    FileToIndex,
    fingerprint_in_parallel,
)
from starcoder_cli.attribution.index import delete_projects, is_opted_out, open_index_for_update
from starcoder_cli.attribution.projects import SourceProject, find_projects, is_code_file, open_tree
from starcoder_cli.errors import DataError
from starcoder_cli.languages import detect_language

FILE_DIGEST_BYTES = 16
NUL_BYTE = b"\0"
UNREAD_CODE = f"it is larger than {MAX_INDEXED_FILE_BYTES >> 20} MiB, a link, or may not be read"


@dataclass(frozen=True)
class AddResult:
    """The result of adding a source: its projects and files, and how many are new or gone."""

    projects: int
    files: int
    new: int
    gone: int


def add_source(
    path: Path,
    licence: str,
    index: Path,
    report: Callable[[int, int], None] = lambda *_: None,
    note: Callable[[str], None] = lambda _: None,
) -> AddResult:
    """Add the code at a path to an index, or update it there.

    The path is a folder or an archive; `licence` is an SPDX expression that overrides the code's
    own, or empty. Code in another added path belongs to that one. `report` gets the number of files
    done and their total, `note` what was left out. Raises InputError or DataError for what cannot
    be read.
    """
    root = Path(os.path.realpath(path))
    tree = open_tree(root, note)
    if not any(is_code_file(name) for name in tree.file_names):
        raise DataError(
            f"there is no code in {path}", "name a folder, a wheel or an sdist with some"
        )
    with open_index_for_update(index) as connection:
        update = SourceUpdate(connection, register_source(connection, root, licence))
        nested_sources = list_nested_sources(connection, root)
        found_projects = find_projects(tree, licence, nested_sources, note)
        allowed_projects = [
            project
            for project in found_projects
            if not is_opted_out(connection, project.metadata.name)
        ]
        new = insert_files(
            connection,
            fingerprint_in_parallel(update.collect_changed_files(allowed_projects, report, note)),
        )
        gone = update.delete_old_projects()
    return AddResult(len(allowed_projects), len(update.unchanged_ids) + new, new, gone)


def register_source(connection: sqlite3.Connection, root: Path, licence: str) -> int:
    """Insert or update a source and return its id."""
    connection.execute(
        "INSERT INTO source (path, licence) VALUES (CAST(? AS TEXT), ?)"
        " ON CONFLICT (path) DO UPDATE SET licence = excluded.licence",
        (os.fsencode(root), licence),
    )
    query = "SELECT id FROM source WHERE path = CAST(? AS TEXT)"
    (source_id,) = connection.execute(query, (os.fsencode(root),)).fetchone()
    return int(source_id)


def list_nested_sources(connection: sqlite3.Connection, root: Path) -> list[str]:
    """The sources below a folder, by their relative paths."""
    paths = [Path(path) for (path,) in connection.execute("SELECT path FROM source")]
    below = (path for path in paths if path != root and path.is_relative_to(root))
    return [path.relative_to(root).as_posix() for path in below]


class SourceUpdate:
    """The state of one source in an index, and its update.

    Its projects get new rows; unchanged files are moved over to them.
    """

    def __init__(self, connection: sqlite3.Connection, source_id: int) -> None:
        self._connection = connection
        self._source_id = source_id
        self.unchanged_ids: set[int] = set()
        rows = connection.execute(
            "SELECT root, path, digest, file.id FROM file"
            " JOIN project ON project.id = project WHERE source = ?",
            (source_id,),
        ).fetchall()
        self._indexed_files: Mapping[tuple[str, str], tuple[bytes, int]] = {
            (root, path): (digest, file_id) for root, path, digest, file_id in rows
        }
        query = "SELECT id FROM project WHERE source = ?"
        self._old_project_ids = [
            project_id for (project_id,) in connection.execute(query, (source_id,))
        ]

    def collect_changed_files(
        self,
        projects: Iterable[SourceProject],
        report: Callable[[int, int], None],
        note: Callable[[str], None],
    ) -> Iterator[FileToIndex]:
        """The files that must be read again; `note` reports those that cannot be."""
        with_code = [project for project in projects if project.code_files]
        total, done = sum(len(project.code_files) for project in with_code), 0
        for project in with_code:
            metadata = project.metadata
            values = (
                self._source_id,
                os.fsencode(project.root),
                os.fsencode(metadata.name),
                metadata.version,
                project.licence,
            )
            cursor = self._connection.execute(
                "INSERT INTO project (source, root, name, version, licence)"
                " VALUES (?, CAST(? AS TEXT), CAST(? AS TEXT), ?, ?)",
                values,
            )
            for name in project.code_files:
                data = project.tree.read(name)
                if data is None:
                    note(f"{name} is left out: {UNREAD_CODE}")
                elif NUL_BYTE in data:
                    note(f"{name} is left out: it has zero bytes, as UTF-16 and programs have")
                else:
                    yield from self._reuse_or_collect(project, cursor.lastrowid or 0, name, data)
                done += 1
                report(done, total)

    def _reuse_or_collect(
        self, project: SourceProject, project_id: int, name: str, data: bytes
    ) -> Iterator[FileToIndex]:
        path, licence = project.relative_path(name), project.licence_of(name, data)
        digest = hashlib.blake2b(data, digest_size=FILE_DIGEST_BYTES).digest()
        indexed_digest, file_id = self._indexed_files.get((project.root, path), (b"", 0))
        if indexed_digest == digest and file_id not in self.unchanged_ids:
            self.unchanged_ids.add(file_id)
            query = "UPDATE file SET project = ?, licence = ? WHERE id = ?"
            self._connection.execute(query, (project_id, licence, file_id))
        elif language := detect_language(name):
            yield FileToIndex(project_id, path, licence, digest, language.name, data)

    def delete_old_projects(self) -> int:
        """Remove what the source no longer has; returns the number of files."""
        return delete_projects(self._connection, self._old_project_ids)


def insert_files(
    connection: sqlite3.Connection, files: Iterable[tuple[FileToIndex, FileFingerprint]]
) -> int:
    """Insert files into an index and return their number.

    All rows are sorted first, so that the table grows at the end of its pages.
    """
    connection.execute("CREATE TEMP TABLE arrived (hash INTEGER, file INTEGER)")
    count = 0
    for file, fingerprint in files:
        count += 1
        values = (
            file.project_id,
            os.fsencode(file.path),
            file.licence,
            file.digest,
            fingerprint.short_hashes,
            fingerprint.line_counts,
        )
        file_id = connection.execute(
            "INSERT INTO file (project, path, licence, digest, tokens, lines)"
            " VALUES (?, CAST(? AS TEXT), ?, ?, ?, ?)",
            values,
        ).lastrowid
        rows = ((hash_, file_id) for hash_ in fingerprint.kgram_hashes)
        connection.executemany("INSERT INTO arrived VALUES (?, ?)", rows)
    connection.execute("INSERT INTO posting SELECT hash, file FROM arrived ORDER BY hash, file")
    connection.execute("DROP TABLE arrived")
    return count
