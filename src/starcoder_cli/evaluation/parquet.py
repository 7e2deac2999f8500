"""Reads Parquet files (parquet.apache.org) in a process of its own, whose memory is limited.

A few bytes of such a file may stand for any number of long texts, also in a single value.
"""

import json
from contextlib import closing
from importlib.util import find_spec
from io import BytesIO

from starcoder_cli.system.foreign import ForeignError, foreign_errors
from starcoder_cli.system.worker import Worker

BATCH_ROWS = 16
MAX_MEMORY = 2 << 30
MAX_SECONDS = 120


def is_parquet_readable() -> bool:
    """Whether the package that reads Parquet is installed."""
    return find_spec("pyarrow") is not None


def parquet_to_json_lines(data: bytes, max_bytes: int) -> bytes:
    """The rows of a file as lines of JSON.

    Raises ChildProcessError if it is damaged or grows too large.
    """
    try:
        with closing(Worker(MAX_MEMORY, MAX_SECONDS)) as worker, foreign_errors():
            return worker.call(convert_rows, data, max_bytes)
    except ForeignError as error:
        raise ChildProcessError(str(error)) from error


def convert_rows(data: bytes, max_bytes: int) -> bytes:
    """The same without limits of memory and time; raises ValueError and errors of the library."""
    from pyarrow import BufferReader, parquet

    out = BytesIO()
    for batch in parquet.ParquetFile(BufferReader(data)).iter_batches(BATCH_ROWS):
        for row in batch.to_pylist():
            out.write(json.dumps(row, default=str).encode() + b"\n")
        if out.tell() > max_bytes:
            raise ValueError("it grows too large")
    return out.getvalue()
