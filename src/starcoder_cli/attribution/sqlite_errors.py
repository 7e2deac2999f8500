"""Errors of the database that an index is in."""

import sqlite3
from pathlib import Path

from starcoder_cli.errors import BusyError, DataError, InputError, StarcoderError, WriteError

REBUILD_HINT = "remove it and add the sources again"
UPDATE_COMMAND = "starcoder index update"


def convert_sqlite_error(path: Path, error: sqlite3.Error) -> StarcoderError:
    """Turn an SQLite error into one of ours."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return BusyError(f"{path} is being changed by another program", "try again in a moment")
    if code == sqlite3.SQLITE_NOTADB:
        return DataError(f"{path} is not an index", "name another with --index")
    if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_READONLY_ROLLBACK:
        return BusyError(f"a run that changed {path} was ended", f"run: {UPDATE_COMMAND}")
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY):
        return WriteError(f"cannot change {path}: {error}", "make room, or name another file")
    if code == sqlite3.SQLITE_CANTOPEN:
        return InputError(f"cannot open {path}: {error}", "name another with --index")
    return DataError(f"{path} is damaged: {error}", REBUILD_HINT)
