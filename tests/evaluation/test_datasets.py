"""Data sets in each of their forms."""

import gzip
import json
from io import BytesIO

import pyarrow
import pytest
from pyarrow import parquet

from starcoder_cli.errors import DataError
from starcoder_cli.evaluation.datasets import (
    MAX_DATASET_VALUES,
    parse_rows,
    require_text,
    text_list,
)

FOUND = [{"name": "a", "tests": ["x", "y"]}, {"name": "ü", "tests": []}]


def of_parquet() -> bytes:
    """The rows as Parquet."""
    out = BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(FOUND), out)
    return out.getvalue()


JSONL = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in FOUND).encode()
FORMS = {
    "json": json.dumps(FOUND, indent=1).encode(),
    "jsonl": JSONL,
    "jsonl with a mark of its order": b"\xef\xbb\xbf" + JSONL,
    "jsonl.gz": gzip.compress(JSONL),
    "parquet": of_parquet(),
}


@pytest.mark.parametrize("keeps_dictionary", [False, True])
def test_one_long_text_in_many_rows_is_no_data_set(keeps_dictionary: bool) -> None:
    """Parquet writes it once."""
    text = pyarrow.array(["a" * (1 << 20)]).dictionary_encode()
    column = text.take(pyarrow.array([0] * 5_000))
    out = BytesIO()
    table = pyarrow.table({"prompt": column})
    parquet.write_table(table, out, store_schema=keeps_dictionary)
    assert len(out.getvalue()) < 4 << 20
    with pytest.raises(DataError, match="^it is not a data set"):
        parse_rows(out.getvalue(), "it")


@pytest.mark.parametrize("form", FORMS)
def test_every_form_holds_the_same_rows(form: str) -> None:
    assert parse_rows(FORMS[form], form) == FOUND


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no JSON",
        b"[1, 2]",
        b'{"a": 1}\n[]',
        b"\xff\xfe",
        b"[" * 100_000,
        gzip.compress(JSONL)[:-9],
        b"\x1f\x8bgarbage",
        b"PAR1garbagePAR1",
        of_parquet()[:-20],
        b'{"a": ' + b"1" * 5_000 + b"}",
        b"{}\n" * (MAX_DATASET_VALUES + 1),
        gzip.compress(b'{"a": [' + b"[]," * MAX_DATASET_VALUES + b"[]]}"),
    ],
    ids=range(13),
)
def test_what_is_no_data_set(data: bytes) -> None:
    with pytest.raises(DataError) as caught:
        parse_rows(data, "it")
    assert str(caught.value) == "it is not a data set; give JSON, JSONL (also as .gz) or Parquet"


def test_fields_of_a_row() -> None:
    row = {"text": "t", "tests": ["x", 1], "number": 1}
    assert require_text(row, "prompt", "text") == "t"
    assert (text_list(row, "tests"), text_list(row, "number"), text_list(row, "none")) == (
        ["x"],
        [],
        [],
    )
    with pytest.raises(DataError) as caught:
        require_text(row, "number", "prompt")
    assert caught.value.message == "a row of the data set has no text 'number'"
