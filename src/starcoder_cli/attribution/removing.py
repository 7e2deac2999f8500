"""How projects leave an index: completely, and for good where their owners opted out."""

import hashlib
import re
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from starcoder_cli.attribution.database import writing
from starcoder_cli.errors import InputError


def remove(name: str, index: Path) -> int:
    """Remove the projects of a name, or a source by its path; how many files that was.

    Raises InputError where the index has neither.
    """
    with writing(index, create=False) as connection:
        path = str(Path(name).resolve())
        query = "SELECT project.id FROM project JOIN source ON source.id = source WHERE path = ?"
        found = [number for (number,) in connection.execute(query, (path,))]
        chosen = found or named(connection, name)
        if not chosen:
            raise InputError(f"the index has no project {name}", "see: starcoder index list")
        return forget(connection, chosen)


def opt_out(names: Iterable[str], index: Path) -> int:
    """Keep projects of these names out of an index from now on; how many files went.

    Only a digest of each name is kept.
    """
    chosen: list[int] = []
    with writing(index) as connection:
        for name in names:
            query = "INSERT OR IGNORE INTO opted_out VALUES (?)"
            connection.execute(query, (digest(name),))
            chosen += named(connection, name)
        return forget(connection, chosen)


def is_opted_out(connection: sqlite3.Connection, name: str) -> bool:
    """Whether projects of a name are to stay out."""
    query = "SELECT 1 FROM opted_out WHERE digest = ?"
    return connection.execute(query, (digest(name),)).fetchone() is not None


def named(connection: sqlite3.Connection, name: str) -> list[int]:
    """The projects of a name, however it is spelled."""
    rows = connection.execute("SELECT id, name FROM project").fetchall()
    return [number for number, other in rows if spelled(other) == spelled(name)]


def forget(connection: sqlite3.Connection, projects: Iterable[int]) -> int:
    """Remove projects with their files, and sources that have none left; how many files went."""
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS gone (id INTEGER PRIMARY KEY)")
    files = 0
    for project in projects:
        query = "INSERT INTO gone SELECT id FROM file WHERE project = ?"
        files += connection.execute(query, (project,)).rowcount
        connection.execute("DELETE FROM project WHERE id = ?", (project,))
    if files:
        connection.execute("DELETE FROM posting WHERE file IN gone")
        connection.execute("DELETE FROM file WHERE id IN gone")
        connection.execute("DELETE FROM gone")
    connection.execute("DELETE FROM source WHERE id NOT IN (SELECT source FROM project)")
    return files


def spelled(name: str) -> str:
    """A project's name in the one spelling that counts (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def digest(name: str) -> bytes:
    """What is kept of the name of a project that opted out."""
    return hashlib.blake2b(spelled(name).encode("utf-8", "replace"), digest_size=32).digest()
