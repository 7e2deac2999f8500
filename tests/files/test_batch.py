"""Files of holes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from starcoder_cli.errors import DataError
from starcoder_cli.files.batch import (
    TASK_FIELDS,
    BatchTask,
    parse_batch,
)

HOLES = b'{"prefix": "a"}\n{"prefix": "b", "id": [1]}\r\n\n{"place": "a.py:1"}'

NO_HOLE = "this line does not describe a gap: "
ONE_OBJECT = "; write one JSON object in a line"
FAULTS = {
    b"garbage": f"{NO_HOLE}its JSON is broken{ONE_OBJECT}",
    b"[]": f"{NO_HOLE}its JSON is not an object{ONE_OBJECT}",
    b"[" * 100_000: NO_HOLE,
    b"\xff": f"{NO_HOLE}its JSON is broken{ONE_OBJECT}",
    b'{"prefix": "a", "prefix": "b"}': f"{NO_HOLE}the key 'prefix' is there twice{ONE_OBJECT}",
    b'{"prefix": NaN}': f"{NO_HOLE}NaN is not JSON{ONE_OBJECT}",
    b"{}": "a gap has a place, or the text around it; give one of the two",
    b'{"place": "a.py:1", "suffix": ""}': "a gap has a place, or the text around it; "
    "give one of the two",
    b'{"sufix": ""}': f"a gap has no field 'sufix'; its fields are {', '.join(TASK_FIELDS)}",
    b'{"prefix": 1}': "prefix is not a text; put it between quotes",
    b'{"prefix": null}': "prefix is not a text; put it between quotes",
    b'{"prefix": "\\ud800"}': "prefix has half a character in it ('\\ud800'); "
    "write both halves, or neither",
    b'{"prefix": "", "max_tokens": "16"}': "max_tokens is not a whole number; "
    "write it without quotes",
    b'{"prefix": "", "max_tokens": 1.5}': "max_tokens is not a whole number; "
    "write it without quotes",
    b'{"prefix": "", "max_tokens": true}': "max_tokens is not a whole number; "
    "write it without quotes",
    b'{"prefix": "", "seed": "1"}': "seed is not a whole number; write it without quotes",
    b'{"prefix": "", "lines": 1}': "lines cannot be 1; give one of auto, one, block, many",
    b'{"prefix": "", "stop": 1}': "stop is not a text; give one, or a list of them",
    b'{"prefix": "", "stop": [1]}': "stop is not a text; put it between quotes",
}


def test_each_line_is_a_task_with_its_number() -> None:
    found = parse_batch(b"\xef\xbb\xbf" + HOLES)
    assert [(line.number, line.id, line.task) for line in found] == [
        (1, None, BatchTask(prefix="a")),
        (2, [1], BatchTask(prefix="b")),
        (4, None, BatchTask(place="a.py:1")),
    ]
    assert len({line.digest for line in found}) == 3
    assert found == parse_batch(HOLES)


def test_every_field() -> None:
    fields = {
        "id": {"any": None},
        "prefix": "p",
        "suffix": "s",
        "lang": "python",
        "filename": "a.py",
        "lines": "one",
        "max_tokens": 5,
        "seed": 6,
        "stop": ["x", "y"],
    }
    (line,) = parse_batch(json.dumps(fields).encode())
    assert line.id == {"any": None}
    assert line.task == BatchTask(None, "p", "s", "python", "a.py", "one", 5, 6, ("x", "y"))
    (line,) = parse_batch(b'{"suffix": "", "stop": "x"}')
    assert line.task == BatchTask(stop=("x",))


@pytest.mark.parametrize("row", FAULTS, ids=lambda row: repr(row[:40]))
def test_what_is_no_hole_says_why(row: bytes) -> None:
    """And the lines around it are read."""
    before, line, after = parse_batch(b'{"prefix": ""}\n' + row + b'\n{"prefix": ""}')
    assert isinstance(line.task, DataError)
    assert str(line.task).startswith(FAULTS[row])
    assert (before.task, after.task) == (BatchTask(), BatchTask())


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_lines(data: bytes) -> None:
    for line in parse_batch(data):
        assert isinstance(line.task, BatchTask | DataError)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists) | st.integers())
def test_any_value_is_a_field_or_a_fault(value: object) -> None:
    for name in TASK_FIELDS:
        (line,) = parse_batch(json.dumps({"prefix": "", name: value}).encode())
        assert isinstance(line.task, BatchTask | DataError)
