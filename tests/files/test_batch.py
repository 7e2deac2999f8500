"""Files of holes, and files of answers that go on where a run ended."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from starcoder_cli.errors import BusyError, CreateError, DataError, WriteError
from starcoder_cli.files.batch import (
    TASK_FIELDS,
    AnswerJournal,
    BatchLine,
    BatchTask,
    parse_batch,
    seal,
)

HOLES = b'{"prefix": "a"}\n{"prefix": "b", "id": [1]}\r\n\n{"place": "a.py:1"}'

FAULTS = {
    b"garbage": "this line is no hole: its JSON is broken; write one JSON object in a line",
    b"[]": "this line is no hole: its JSON is not an object; write one JSON object in a line",
    b"[" * 100_000: "this line is no hole: ",
    b"\xff": "this line is no hole: its JSON is broken; write one JSON object in a line",
    b'{"prefix": "a", "prefix": "b"}': "this line is no hole: the key 'prefix' is there twice; "
    "write one JSON object in a line",
    b'{"prefix": NaN}': "this line is no hole: NaN is not JSON; write one JSON object in a line",
    b"{}": "a hole has a place, or the text around it; give one of the two",
    b'{"place": "a.py:1", "suffix": ""}': "a hole has a place, or the text around it; "
    "give one of the two",
    b'{"sufix": ""}': f"a hole has no field 'sufix'; its fields are {', '.join(TASK_FIELDS)}",
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


def answer(line: BatchLine) -> bytes:
    """A line of answers."""
    return json.dumps({**line.record(), "text": "x"}).encode() + b"\n"


def sealed(line: BatchLine) -> bytes:
    """A line of answers as it is in a file."""
    return seal(answer(line))


def test_answers_go_on_after_any_byte(tmp_path: Path) -> None:
    """Whatever a killed run has written, the file ends as if it had not been killed."""
    path, rows = tmp_path / "answers", parse_batch(HOLES)
    whole = b"".join(map(sealed, rows))
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        with AnswerJournal.open_locked(str(path)) as journal:
            done, failed = journal.resume(rows)
            assert (done, failed) == (whole[:length].count(b"\n"), 0)
            for row in rows[done:]:
                journal.add(answer(row))
        assert path.read_bytes() == whole


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"my notes\n", "line 1 of {} is not the answer to a line of this batch"),
        (b"my notes", "{} holds something else"),
        (b'{"lime": 1', "{} holds something else"),
        (b"[" * 100_000 + b"\n", "line 1 of {} is not the answer to a line of this batch"),
        (b"1\n", "line 1 of {} is not the answer to a line of this batch"),
        (b'{"line": 1, "digest": "0"}\n', "line 1 of {} is not the answer to a line of this batch"),
    ],
    ids=["text", "part", "other fields", "deep", "number", "changed hole"],
)
def test_a_file_of_anything_else_is_left_alone(data: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "answers"
    path.write_bytes(data)
    with AnswerJournal.open_locked(str(path)) as journal, pytest.raises(DataError) as caught:
        journal.resume(parse_batch(HOLES))
    way = "name another file with --output"
    assert str(caught.value) == f"{message.format(path)}; {way}"
    assert path.read_bytes() == data


def test_more_answers_than_lines(tmp_path: Path) -> None:
    path, rows = tmp_path / "answers", parse_batch(HOLES)
    path.write_bytes(b"".join(map(sealed, rows)))
    message = f"line 3 of {path} is not the answer to a line of this batch"
    with AnswerJournal.open_locked(str(path)) as journal, pytest.raises(DataError, match=message):
        journal.resume(rows[:2])


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"model": "b"}, "is an answer of a, not of b"),
        ({"options": "2"}, "was answered with other options"),
        ({"source": "2"}, "is about other text than its files have now"),
    ],
)
def test_an_answer_that_depends_on_something_else(
    changes: dict[str, str], difference: str, tmp_path: Path
) -> None:
    """Answers of another model, and about a file that had changed since, were kept."""
    path, inputs = tmp_path / "answers", {"model": "a", "options": "1", "source": "1"}
    rows = [replace(row, inputs=inputs) for row in parse_batch(HOLES)]
    path.write_bytes(b"".join(map(sealed, rows)))
    others = [rows[0], *(replace(row, inputs={**inputs, **changes}) for row in rows[1:])]
    with AnswerJournal.open_locked(str(path)) as journal:
        assert journal.resume(rows) == (len(rows), 0)
        with pytest.raises(DataError) as caught:
            journal.resume(others)
    assert caught.value.message == f"line 2 of {path} {difference}"


@pytest.mark.parametrize(
    "alter",
    [
        lambda line: line.replace(b'"x"', b'"y"'),
        lambda line: line.replace(b'"text": "x"', b'"text": "x", "reason": "stop"'),
        lambda line: line.partition(b', "checksum"')[0] + b"}\n",
        lambda line: line.replace(b'"checksum": "', b'"checksum": "0'),
        lambda line: line.replace(b'"}', b'", "text": "y"}'),
    ],
    ids=["text", "field", "no checksum", "checksum", "field behind it"],
)
def test_an_altered_record_is_an_error(alter: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path, rows = tmp_path / "answers", parse_batch(HOLES)
    data = sealed(rows[0]) + alter(sealed(rows[1]))
    path.write_bytes(data)
    with AnswerJournal.open_locked(str(path)) as journal, pytest.raises(DataError) as caught:
        journal.resume(rows)
    assert caught.value.message == f"line 2 of {path} was altered after it was written"
    assert path.read_bytes() == data


def test_a_file_has_one_writer(tmp_path: Path) -> None:
    path = str(tmp_path / "answers")
    with (
        AnswerJournal.open_locked(path),
        pytest.raises(BusyError, match=f"another run is writing {path}"),
    ):
        AnswerJournal.open_locked(path).__enter__()
    with AnswerJournal.open_locked(path):
        pass


@pytest.mark.parametrize("name", ["folder", "fifo", "none/answers", "a\0b", "n" * 256])
def test_what_is_no_file(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(CreateError):
        AnswerJournal.open_locked(f"{tmp_path}/{name}").__enter__()


def test_a_full_disk_leaves_what_can_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, rows = tmp_path / "answers", parse_batch(HOLES)
    room, write = 100, os.write

    def full(descriptor: int, data: bytes) -> int:
        nonlocal room
        if not room:
            raise OSError(28, "No space left on device")
        taken = write(descriptor, data[: min(room, 30)])
        room -= taken
        return taken

    with AnswerJournal.open_locked(str(path)) as journal:
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", full)
            with pytest.raises(WriteError, match="the same command goes on from here"):
                for row in rows:
                    journal.add(answer(row))
        done, _ = journal.resume(rows)
        for row in rows[done:]:
            journal.add(answer(row))
    assert path.read_bytes() == b"".join(map(sealed, rows))
