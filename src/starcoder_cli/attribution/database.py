"""The file of an index: its form, and how it is opened.

It is an SQLite database in which each run of tokens that was kept is one row. A file that is read
may come from anybody: it has to have exactly the tables below, and whatever is not as it should be
ends in a DataError.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from starcoder_cli.errors import (
    BusyError,
    CreateError,
    DataError,
    InputError,
    StarcoderError,
    WriteError,
)
from starcoder_cli.folder import PLAIN

APPLICATION = 0x53436964  # "SCid", as `file` shows it
VERSION = 1
SCHEMA = (
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
MOST_STEPS = 10_000
STEP = 100_000  # instructions of SQLite's machine
MOST_CELL = 16 << 20
WAIT_SECONDS = 10.0
CACHE_KIB = 64 << 10
DAMAGED = "remove it and add the sources again"


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """An index to read from, never written to. Raises what `opened` does, or InputError."""
    need(path)
    with opened(path, "ro") as connection:
        check(connection, path)
        yield connection


@contextmanager
def writing(path: Path, *, create: bool = True) -> Iterator[sqlite3.Connection]:
    """An index to change, made where there is none; all changes are kept in the end, or none.

    Nothing that is removed is left in the file: it is overwritten, and the file is written anew.
    """
    if create:
        lay(path)
    else:
        need(path)
    with opened(path, "rw") as connection:
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        connection.execute("BEGIN IMMEDIATE")
        is_new = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,)
        if is_new:
            make(connection)
        check(connection, path)
        if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise DataError(f"{path} is damaged", DAMAGED)
        yield connection
        connection.execute("COMMIT")
        if not is_new:
            connection.execute("VACUUM")


def need(path: Path) -> None:
    """InputError where there is no index, or only the empty file that an ended `add` has left."""
    if not path.is_file() or not path.stat().st_size:
        raise InputError(f"there is no index at {path}", "make one: starcoder index add FOLDER")


def lay(path: Path) -> None:
    """An empty file that only its owner can read, where there is none yet."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | PLAIN, 0o600))
    except OSError as error:
        reason = f"cannot change {path}: {error.strerror}"
        raise CreateError(reason, "name another file with --index") from error


@contextmanager
def opened(path: Path, mode: str) -> Iterator[sqlite3.Connection]:
    """A database that nothing in the file can make run code of its own or run for ever."""
    try:
        with closing(connect(path, mode)) as connection:
            yield connection
    except sqlite3.Error as error:
        raise failure(path, error) from error


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """A connection without trust in the file's schema, and with bounds for cells and for time."""
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, WAIT_SECONDS, uri=True, isolation_level=None)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_CELL)
    if mode == "ro":
        steps = iter(range(MOST_STEPS))
        connection.set_progress_handler(lambda: next(steps, None) is None, STEP)
    return connection


def make(connection: sqlite3.Connection) -> None:
    """Lay out an empty index."""
    for statement in SCHEMA:
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute(f"PRAGMA user_version = {VERSION}")


def check(connection: sqlite3.Connection, path: Path) -> None:
    """DataError unless the file is an index of this version, with our tables and nothing else."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION:
        raise DataError(f"{path} is no index", "name another with --index")
    if version != VERSION:
        raise DataError(
            f"{path} is an index of another version of starcoder ({version}, not {VERSION})",
            DAMAGED,
        )
    statements = connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")
    if sorted(sql for (sql,) in statements.fetchmany(100)) != sorted(SCHEMA):
        raise DataError(f"{path} has other tables than an index", DAMAGED)


def failure(path: Path, error: sqlite3.Error) -> StarcoderError:
    """What SQLite complains about, as one of our errors."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return BusyError(f"{path} is being changed by another program", "try again in a moment")
    if code == sqlite3.SQLITE_NOTADB:
        return DataError(f"{path} is no index", "name another with --index")
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY):
        return WriteError(f"cannot change {path}: {error}", "make room, or name another file")
    if code == sqlite3.SQLITE_CANTOPEN:
        return InputError(f"cannot open {path}: {error}", "name another with --index")
    return DataError(f"{path} is damaged: {error}", DAMAGED)
