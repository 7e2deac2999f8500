"""The rows of a data set, in any of the forms that these come in: JSON, JSONL, gzip, Parquet."""

import gzip
import io
import json
import zlib
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from starcoder_cli.errors import DataError

Row: TypeAlias = Mapping[str, object]

GZIP, PARQUET = b"\x1f\x8b", b"PAR1"
MOST_BYTES = 256 << 20


def rows(data: bytes, name: str) -> list[Row]:
    """The rows of a data set that is called so.

    Raises DataError for what is none, and where it is Parquet and its reader is not installed.
    """
    if data.startswith(PARQUET):
        return of_parquet(data, name)
    try:
        text = decompressed(data).decode("utf-8-sig").strip()
        whole = text.startswith("[")
        found = json.loads(text) if whole else [json.loads(line) for line in text.splitlines()]
    except (ValueError, RecursionError, EOFError, OSError, zlib.error) as error:
        raise unreadable(name) from error
    if not found or not all(isinstance(row, dict) for row in found):
        raise unreadable(name)
    return list(found)


def decompressed(data: bytes) -> bytes:
    """The bytes that gzip holds, or those that are none; ValueError where they are too many."""
    if not data.startswith(GZIP):
        return data
    with gzip.open(io.BytesIO(data)) as file:
        found = file.read(MOST_BYTES + 1)
    if len(found) > MOST_BYTES:
        raise ValueError("it grows too large")
    return found


def of_parquet(data: bytes, name: str) -> list[Row]:
    """The rows of a Parquet file (parquet.apache.org)."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise DataError(
            f"{name} is Parquet, whose reader is not installed", "run: pip install pyarrow"
        ) from error
    try:
        return list(parquet.read_table(pyarrow.BufferReader(data)).to_pylist())
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise unreadable(name) from error


def unreadable(name: str) -> DataError:
    """The error for what holds no rows."""
    return DataError(f"{name} is no data set", "give JSON, JSONL (also as .gz) or Parquet")


def text(row: Row, *names: str) -> str:
    """The first of these fields that a row has; DataError where none is a text."""
    for name in names:
        value = row.get(name)
        if isinstance(value, str):
            return value
    raise DataError(
        f"a row of the data set has no text {names[0]!r}", "give the benchmark's own data"
    )


def texts(row: Row, name: str) -> Sequence[str]:
    """A field that is a list of texts; nothing where there is none."""
    value = row.get(name)
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
