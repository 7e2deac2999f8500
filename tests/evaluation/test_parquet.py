"""Parquet files as lines of JSON, and that few bytes cannot take much memory."""

import json
from datetime import date
from io import BytesIO

import pyarrow
import pytest
from pyarrow import parquet

from starcoder_cli.evaluation.parquet import parquet_to_json_lines

MEGABYTE = 1 << 20


def written(table: pyarrow.Table, **options: object) -> bytes:
    """A table as Parquet."""
    out = BytesIO()
    parquet.write_table(table, out, **options)
    return out.getvalue()


def test_rows_are_lines_of_json() -> None:
    rows = [{"name": "a\nü", "tests": ["x"], "day": date(2026, 1, 2)}] * 40
    lines = parquet_to_json_lines(written(pyarrow.Table.from_pylist(rows)), MEGABYTE)
    wanted = {"name": "a\nü", "tests": ["x"], "day": "2026-01-02"}
    assert [json.loads(line) for line in lines.splitlines()] == [wanted] * 40


def long_list(count: int, is_dictionary: bool) -> pyarrow.Table:
    """One row that has a list of copies of one long text."""
    texts = pyarrow.DictionaryArray.from_arrays(
        pyarrow.array([0] * count, pyarrow.int32()), pyarrow.array(["a" * MEGABYTE])
    )
    if not is_dictionary:
        texts = texts.cast(pyarrow.string())
    ends = pyarrow.array([0, count], pyarrow.int32())
    return pyarrow.table({"name": ["x"], "stop": pyarrow.ListArray.from_arrays(ends, texts)})


@pytest.mark.parametrize(("count", "is_dictionary"), [(1900, True), (900, False)])
def test_one_row_of_many_copies_is_refused_in_little_memory(
    count: int, is_dictionary: bool
) -> None:
    data = written(
        long_list(count, is_dictionary),
        compression="zstd",
        use_dictionary=is_dictionary,
        store_schema=False,
    )
    assert len(data) < MEGABYTE
    with pytest.raises(ChildProcessError):
        parquet_to_json_lines(data, 128 * MEGABYTE)
    with pytest.raises(ChildProcessError):  # the bound of memory alone
        parquet_to_json_lines(data, 1 << 50)


def test_rows_that_are_too_many_are_refused() -> None:
    table = pyarrow.table({"name": ["a" * 1000] * 3000})
    with pytest.raises(ChildProcessError):
        parquet_to_json_lines(written(table), MEGABYTE)


def test_what_is_no_parquet_is_refused() -> None:
    with pytest.raises(ChildProcessError):
        parquet_to_json_lines(b"PAR1garbagePAR1", MEGABYTE)
