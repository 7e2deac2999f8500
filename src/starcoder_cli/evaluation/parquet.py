"""Reads Parquet files (parquet.apache.org) in a process of its own, whose memory is limited.

A few bytes of such a file may stand for any number of long texts, also in a single value.
"""

import json
import sys
from importlib.util import find_spec
from io import BytesIO

from starcoder_cli.system.processes import run_module

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
    return run_module([__name__, str(max_bytes)], data, MAX_MEMORY, MAX_SECONDS)


def write_rows(max_bytes: int) -> None:
    """Read a file from stdin and write its rows to stdout; the exit status says if it failed."""
    from pyarrow import BufferReader, parquet

    size = 0
    file = parquet.ParquetFile(BufferReader(sys.stdin.buffer.read()))
    for batch in file.iter_batches(BATCH_ROWS):
        out = BytesIO()
        for row in batch.to_pylist():
            out.write(json.dumps(row, default=str).encode() + b"\n")
        size += out.tell()
        if size > max_bytes:
            raise ValueError("it grows too large")
        sys.stdout.buffer.write(out.getvalue())


if __name__ == "__main__":
    write_rows(int(sys.argv[1]))
