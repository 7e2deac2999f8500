"""Read the rows of a data set in JSON, JSONL, gzip or Parquet."""

import gzip
import io
import json
import zlib
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from starcoder_cli.errors import DataError

DatasetRow: TypeAlias = Mapping[str, object]

GZIP_MAGIC, PARQUET_MAGIC = b"\x1f\x8b", b"PAR1"
MAX_DATASET_BYTES = 256 << 20
MAX_DATASET_VALUES = 1 << 22  # the smallest values take about 64 bytes each
PARQUET_BATCH_ROWS = 16


def parse_rows(data: bytes, name: str) -> list[DatasetRow]:
    """Parse the rows of a data set; `name` is for messages.

    Raises DataError if it is not one, or if it is Parquet without an installed reader.
    """
    if data.startswith(PARQUET_MAGIC):
        return parse_parquet(data, name)
    try:
        content = decompress_if_gzip(data)
        if sum(content.count(mark) for mark in (b"{", b"[", b",")) > MAX_DATASET_VALUES:
            raise ValueError("it holds too many values")
        text = content.decode("utf-8-sig").strip()
        is_array = text.startswith("[")
        parsed = json.loads(text) if is_array else [json.loads(line) for line in text.splitlines()]
    except (ValueError, RecursionError, EOFError, OSError, zlib.error) as error:
        raise unreadable_dataset_error(name) from error
    if not parsed or not all(isinstance(row, dict) for row in parsed):
        raise unreadable_dataset_error(name)
    return list(parsed)


def decompress_if_gzip(data: bytes) -> bytes:
    """Decompress gzip, and return other bytes unchanged; raises ValueError if they are too many."""
    if not data.startswith(GZIP_MAGIC):
        return data
    with gzip.open(io.BytesIO(data)) as file:
        content = file.read(MAX_DATASET_BYTES + 1)
    if len(content) > MAX_DATASET_BYTES:
        raise ValueError("it grows too large")
    return content


def parse_parquet(data: bytes, name: str) -> list[DatasetRow]:
    """Parse the rows of a Parquet file (parquet.apache.org).

    A few of its bytes may stand for any number of long texts, so it is read a few rows at a time.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise DataError(
            f"{name} is Parquet, whose reader is not installed", "run: pip install pyarrow"
        ) from error
    try:
        rows: list[DatasetRow] = []
        size = 0
        file = parquet.ParquetFile(pyarrow.BufferReader(data))
        for batch in file.iter_batches(PARQUET_BATCH_ROWS):
            for row in batch.to_pylist():
                size += len(json.dumps(row, default=str))
                if size > MAX_DATASET_BYTES:
                    raise ValueError("it grows too large")
                rows.append(row)
        return rows
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise unreadable_dataset_error(name) from error


def unreadable_dataset_error(name: str) -> DataError:
    """The error for a file that is not a data set."""
    return DataError(f"{name} is not a data set", "give JSON, JSONL (also as .gz) or Parquet")


def require_text(row: DatasetRow, *field_names: str) -> str:
    """The first of the given fields that is a text; raises DataError if none is."""
    for field_name in field_names:
        value = row.get(field_name)
        if isinstance(value, str):
            return value
    raise DataError(
        f"a row of the data set has no text {field_names[0]!r}", "give the benchmark's own data"
    )


def text_list(row: DatasetRow, field_name: str) -> Sequence[str]:
    """A field that is a list of texts, or an empty list."""
    value = row.get(field_name)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
