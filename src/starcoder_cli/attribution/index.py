"""The file of an index: its format, and how it is opened.

It is an SQLite database with one row for each stored run of tokens. The file may come from anybody:
it must have exactly the tables below, and anything unexpected ends in a DataError.
"""

import hashlib
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from starcoder_cli.attribution.sqlite_errors import REBUILD_HINT, convert_sqlite_error
from starcoder_cli.errors import CreateError, DataError, InputError
from starcoder_cli.files.folder import SAFE_OPEN_FLAGS
from starcoder_cli.files.small import replace_text

APPLICATION_ID = 0x53436964  # "SCid", as `file` shows it
INDEX_VERSION = 2
INDEX_SCHEMA = (
    "CREATE TABLE source (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE,"
    " licence TEXT NOT NULL)",
    "CREATE TABLE project (id INTEGER PRIMARY KEY, source INTEGER NOT NULL, root TEXT NOT NULL,"
    " name TEXT NOT NULL, version TEXT NOT NULL, licence TEXT NOT NULL)",
    "CREATE TABLE file (id INTEGER PRIMARY KEY, project INTEGER NOT NULL, path TEXT NOT NULL,"
    " licence TEXT NOT NULL, digest BLOB NOT NULL, tokens BLOB NOT NULL, lines BLOB NOT NULL)",
    "CREATE TABLE posting (hash INTEGER NOT NULL, file INTEGER NOT NULL,"
    " PRIMARY KEY (hash, file)) WITHOUT ROWID",
    "CREATE TABLE opted_out (digest BLOB PRIMARY KEY) WITHOUT ROWID",
)
NAMES_SUFFIX = ".starcoder"
COMPLETABLE_NAME = re.compile(r"[A-Za-z0-9._@/+-]+", re.ASCII)
MAX_PROGRESS_CHECKS = 10_000
INSTRUCTIONS_PER_CHECK = 100_000  # instructions of SQLite's virtual machine
MAX_CELL_BYTES = 16 << 20
LOCK_WAIT_SECONDS = 10.0
INDEX_CACHE_KIB = 64 << 10


@contextmanager
def open_index_readonly(path: Path) -> Iterator[sqlite3.Connection]:
    """Open an index read-only. Raises what `open_database` does, or InputError."""
    require_index(path)
    with open_database(path, "ro") as connection:
        check_schema(connection, path)
        yield connection


@contextmanager
def open_index_for_update(path: Path, *, create: bool = True) -> Iterator[sqlite3.Connection]:
    """Open or create an index to change; all changes are kept at the end, or none.

    Nothing that is removed stays in the file: it is overwritten, and the file is rebuilt.
    """
    if create:
        create_index_file(path)
    else:
        require_index(path)
    with open_database(path, "rw") as connection:
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("BEGIN IMMEDIATE")
        is_new = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,)
        if is_new:
            create_tables(connection)
        check_schema(connection, path)
        if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise DataError(f"{path} is damaged", REBUILD_HINT)
        yield connection
        connection.execute("COMMIT")
        if not is_new:
            connection.execute("VACUUM")
        write_project_names(connection, path)


def write_project_names(connection: sqlite3.Connection, path: Path) -> None:
    """Write the names of an index's projects beside it, one per line, for shell completion."""
    rows = connection.execute("SELECT DISTINCT name FROM project ORDER BY name").fetchall()
    names = (name for (name,) in rows if isinstance(name, str) and COMPLETABLE_NAME.fullmatch(name))
    with suppress(OSError):
        text = "".join(f"{name}\n" for name in names)
        replace_text(path.with_name(f"{path.name}{NAMES_SUFFIX}"), text, mode=0o600)


def finish_interrupted(path: Path) -> None:
    """Undo what a run that was ended has changed so far; raises what `open_database` does."""
    require_index(path)
    with open_database(path, "rw"):  # SQLite does so when it reads
        pass


def require_index(path: Path) -> None:
    """Raise InputError if there is no index, or only the empty file of an interrupted `add`."""
    if not path.is_file() or not path.stat().st_size:
        raise InputError(f"there is no index at {path}", "make one: starcoder index add FOLDER")


def create_index_file(path: Path) -> None:
    """Create an empty file that only its owner can read, unless it exists."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | SAFE_OPEN_FLAGS, 0o600))
    except OSError as error:
        reason = f"cannot change {path}: {error.strerror}"
        raise CreateError(reason, "name another file with --index") from error


@contextmanager
def open_database(path: Path, mode: str) -> Iterator[sqlite3.Connection]:
    """Open a database in a way that its contents cannot run code or run for ever."""
    try:
        with closing(connect_sqlite(path, mode)) as connection:
            read_schema(connection, path)
            connection.execute(f"PRAGMA cache_size = -{INDEX_CACHE_KIB}")
            yield connection
    except sqlite3.Error as error:
        raise convert_sqlite_error(path, error) from error


def connect_sqlite(path: Path, mode: str) -> sqlite3.Connection:
    """Connect without trusting the file's schema, and with limits on cells and time."""
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, LOCK_WAIT_SECONDS, uri=True, isolation_level=None)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_CELL_BYTES)
    connection.text_factory = os.fsdecode  # file names need not be UTF-8
    if mode == "ro":
        checks = iter(range(MAX_PROGRESS_CHECKS))
        connection.set_progress_handler(lambda: next(checks, None) is None, INSTRUCTIONS_PER_CHECK)
    return connection


def read_schema(connection: sqlite3.Connection, path: Path) -> None:
    """Make SQLite read the schema; raises DataError if its error quotes bytes that are not text."""
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is damaged", REBUILD_HINT) from error


def create_tables(connection: sqlite3.Connection) -> None:
    """Create the tables of an empty index."""
    for statement in INDEX_SCHEMA:
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {INDEX_VERSION}")


def check_schema(connection: sqlite3.Connection, path: Path) -> None:
    """Raise DataError unless the file is an index of this version with exactly our tables."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise DataError(f"{path} is not an index", "name another with --index")
    if version != INDEX_VERSION:
        raise DataError(
            f"{path} is an index of another version of starcoder ({version}, not {INDEX_VERSION})",
            REBUILD_HINT,
        )
    statements = connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")
    if sorted(sql for (sql,) in statements.fetchmany(100)) != sorted(INDEX_SCHEMA):
        raise DataError(f"{path} has other tables than an index", REBUILD_HINT)


@dataclass(frozen=True)
class IndexedProject:
    """A project in an index, its number of files there, and the folder they are in."""

    name: str
    version: str
    licence: str
    root: str
    files: int


def list_projects(index: Path) -> list[IndexedProject]:
    """List the projects in an index by name. Raises InputError and DataError."""
    query = (
        "SELECT name, version, project.licence, root, count(file.id)"
        " FROM project JOIN file ON file.project = project.id"
        " GROUP BY project.id ORDER BY lower(name), version, root"
    )
    with open_index_readonly(index) as connection:
        rows = connection.execute(query).fetchall()
    require_text_values([row[:-1] for row in rows], index)
    return [IndexedProject(*row) for row in rows]


def list_sources(index: Path) -> list[tuple[str, str]]:
    """The paths that were added, and the licence given for each."""
    with open_index_readonly(index) as connection:
        rows = connection.execute("SELECT path, licence FROM source ORDER BY path").fetchall()
    return [(path, licence) for path, licence in require_text_values(rows, index)]


def require_text_values(rows: Sequence[tuple[str, ...]], index: Path) -> Sequence[tuple[str, ...]]:
    """The rows, after checking that all values are text."""
    if not all(isinstance(value, str) for row in rows for value in row):
        raise DataError(f"{index} is damaged: a name is not text", REBUILD_HINT)
    return rows


def remove_from_index(name: str, index: Path) -> int:
    """Remove projects by name, or a source by path; returns the number of files removed.

    Raises InputError if the index has neither.
    """
    with open_index_for_update(index, create=False) as connection:
        query = (
            "SELECT project.id FROM project JOIN source ON source.id = source"
            " WHERE path = CAST(? AS TEXT)"
        )
        path = os.fsencode(os.path.realpath(name))
        source_projects = [project_id for (project_id,) in connection.execute(query, (path,))]
        project_ids = source_projects or find_project_ids(connection, name)
        if not project_ids:
            raise InputError(f"the index has no project {name}", "see: starcoder index list")
        return delete_projects(connection, project_ids)


def opt_out(names: Iterable[str], index: Path) -> int:
    """Exclude projects with these names for good; returns the number of files removed.

    Only a digest of each name is stored.
    """
    project_ids: list[int] = []
    with open_index_for_update(index) as connection:
        for name in names:
            query = "INSERT OR IGNORE INTO opted_out VALUES (?)"
            connection.execute(query, (hash_project_name(name),))
            project_ids += find_project_ids(connection, name)
        return delete_projects(connection, project_ids)


def is_opted_out(connection: sqlite3.Connection, name: str) -> bool:
    """Whether projects with a name are excluded."""
    query = "SELECT 1 FROM opted_out WHERE digest = ?"
    return connection.execute(query, (hash_project_name(name),)).fetchone() is not None


def find_project_ids(connection: sqlite3.Connection, name: str) -> list[int]:
    """The ids of the projects with a name, however it is spelled."""
    rows = connection.execute("SELECT id, name FROM project").fetchall()
    return [
        project_id
        for project_id, other in rows
        if normalize_project_name(other) == normalize_project_name(name)
    ]


def delete_projects(connection: sqlite3.Connection, project_ids: Iterable[int]) -> int:
    """Remove projects, their files and sources left empty; returns the number of files removed."""
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS gone (id INTEGER PRIMARY KEY)")
    file_count = 0
    for project_id in project_ids:
        query = "INSERT INTO gone SELECT id FROM file WHERE project = ?"
        file_count += connection.execute(query, (project_id,)).rowcount
        connection.execute("DELETE FROM project WHERE id = ?", (project_id,))
    if file_count:
        connection.execute("DELETE FROM posting WHERE file IN gone")
        connection.execute("DELETE FROM file WHERE id IN gone")
        connection.execute("DELETE FROM gone")
    connection.execute("DELETE FROM source WHERE id NOT IN (SELECT source FROM project)")
    return file_count


def normalize_project_name(name: str) -> str:
    """A project's name in its canonical spelling (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def hash_project_name(name: str) -> bytes:
    """The digest that is stored for the name of an excluded project."""
    return hashlib.blake2b(
        normalize_project_name(name).encode("utf-8", "replace"), digest_size=32
    ).digest()


def index_file(path: str | None = None) -> Path:
    """The index file: the given one, or the one in the user's data folder."""
    from starcoder_cli.settings import data_dir

    return Path(path) if path else data_dir() / "index.sqlite"
