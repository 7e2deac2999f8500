"""Read the rows of a data set in JSON, JSONL, gzip or Parquet."""

import gzip
import json
import zlib
from codecs import BOM_UTF8
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import TypeAlias

from starcoder_cli.errors import DataError, extra_hint
from starcoder_cli.evaluation.parquet import is_parquet_readable, parquet_to_json_lines

DatasetRow: TypeAlias = Mapping[str, object]

GZIP_MAGIC, PARQUET_MAGIC = b"\x1f\x8b", b"PAR1"
MAX_DATASET_BYTES = 128 << 20
MAX_DATASET_VALUES = 1 << 22  # the smallest values take about 64 bytes each


def parse_rows(data: bytes, name: str) -> list[DatasetRow]:
    """Parse the rows of a data set; `name` is for messages.

    Raises DataError if it is not one, or if it is Parquet without an installed reader.
    """
    try:
        content = to_json(data, name).removeprefix(BOM_UTF8).strip()
        if sum(content.count(mark) for mark in (b"{", b"[", b",")) > MAX_DATASET_VALUES:
            raise ValueError("it holds too many values")
        if content.startswith(b"["):
            parsed = json.loads(content.decode())
        else:
            parsed = [json.loads(line.decode()) for line in BytesIO(content)]
    except (ValueError, RecursionError, EOFError, OSError, zlib.error) as error:
        raise unreadable_dataset_error(name) from error
    if not parsed or not all(isinstance(row, dict) for row in parsed):
        raise unreadable_dataset_error(name)
    return list(parsed)


def to_json(data: bytes, name: str) -> bytes:
    """A data set as JSON or lines of it; raises ValueError if it would be too large."""
    if not data.startswith(PARQUET_MAGIC):
        return decompress_if_gzip(data)
    if not is_parquet_readable():
        raise DataError(f"{name} is Parquet, whose reader is not installed", extra_hint("eval"))
    return parquet_to_json_lines(data, MAX_DATASET_BYTES)


def decompress_if_gzip(data: bytes) -> bytes:
    """Decompress gzip, and return other bytes unchanged; raises ValueError if they are too many."""
    if not data.startswith(GZIP_MAGIC):
        return data
    with gzip.open(BytesIO(data)) as file:
        content = file.read(MAX_DATASET_BYTES + 1)
    if len(content) > MAX_DATASET_BYTES:
        raise ValueError("it grows too large")
    return content


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
