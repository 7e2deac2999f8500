"""What is in an index, by project and by source."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from starcoder_cli.attribution.database import DAMAGED, reading
from starcoder_cli.errors import DataError


@dataclass(frozen=True)
class Listed:
    """A project in an index, how many of its files are there, and the folder they are in."""

    name: str
    version: str
    licence: str
    root: str
    files: int


def listed(index: Path) -> list[Listed]:
    """The projects in an index, by name. Raises InputError and DataError, as `reading` does."""
    query = (
        "SELECT name, version, project.licence, root, count(file.id)"
        " FROM project JOIN file ON file.project = project.id"
        " GROUP BY project.id ORDER BY lower(name), version, root"
    )
    with reading(index) as connection:
        rows = connection.execute(query).fetchall()
    checked([row[:-1] for row in rows], index)
    return [Listed(*row) for row in rows]


def sources(index: Path) -> list[tuple[str, str]]:
    """The paths that were added, and the licence that was given for each."""
    with reading(index) as connection:
        rows = connection.execute("SELECT path, licence FROM source ORDER BY path").fetchall()
    return [(path, licence) for path, licence in checked(rows, index)]


def checked(rows: Sequence[tuple[str, ...]], index: Path) -> Sequence[tuple[str, ...]]:
    """The rows, if all is text in them."""
    if not all(isinstance(value, str) for row in rows for value in row):
        raise DataError(f"{index} is damaged: a name is no text", DAMAGED)
    return rows
