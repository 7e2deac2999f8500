"""What an error of the database means for whoever reads an index."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from repositories import lay
from starcoder_cli.attribution.index import list_projects
from starcoder_cli.attribution.ingest import add_source
from starcoder_cli.attribution.sqlite_errors import convert_sqlite_error
from starcoder_cli.cli import main
from starcoder_cli.errors import BusyError, DataError

DIES = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN")
connection.execute("DELETE FROM posting")
connection.execute("UPDATE file SET tokens = zeroblob(100000)")
os._exit(9)
"""


def test_a_run_that_was_killed_is_finished_by_another(tmp_path: Path) -> None:
    """Its journal is only rolled back by a program that may write."""
    index, code = tmp_path / "index", "\n".join(f"name{number}" for number in range(5000))
    lay(tmp_path / "a", {"a.py": code})
    add_source(tmp_path / "a", "MIT", index)
    subprocess.run([sys.executable, "-c", DIES, str(index)], check=False)
    assert index.with_name("index-journal").stat().st_size
    with pytest.raises(BusyError, match="a run that changed .* was ended; run: starcoder index"):
        list_projects(index)
    assert main(["index", "update", "--index", str(index)]) == 0
    assert [project.files for project in list_projects(index)] == [1]


def test_an_unknown_error_is_damage() -> None:
    assert isinstance(convert_sqlite_error(Path("a"), sqlite3.DatabaseError("x")), DataError)
