"""Files of answers that go on where a run ended."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from starcoder_cli.errors import BusyError, CreateError, DataError, WriteError
from starcoder_cli.files.answer_journal import AnswerJournal, seal
from starcoder_cli.files.batch import BatchLine, parse_batch

HOLES = b'{"prefix": "a"}\n{"prefix": "b", "id": [1]}\r\n\n{"place": "a.py:1"}'
INPUTS = {"model": "a", "options": "1", "source": "1"}


def answer(line: BatchLine) -> bytes:
    """A line of answers."""
    return json.dumps({**line.record(), "text": "x"}).encode() + b"\n"


def sealed(line: BatchLine) -> bytes:
    """A line of answers as it is in a file."""
    return seal(answer(line))


def test_answers_go_on_after_any_byte(tmp_path: Path) -> None:
    """Whatever a killed run has written, the file ends as if it had not been killed.

    Where that is less than the first fields of a first record, it could be of anybody.
    """
    path, rows = tmp_path / "answers", parse_batch(HOLES)
    whole = b"".join(map(sealed, rows))
    first_fields = json.dumps({"line": 1, "digest": rows[0].digest}).removesuffix("}")
    for length in (0, *range(len(first_fields), len(whole) + 1)):
        path.write_bytes(whole[:length])
        with AnswerJournal.open_locked(str(path)) as journal:
            done = whole[:length].count(b"\n")
            assert journal.find_answered(rows) == {row.number for row in rows[:done]}
            for row in rows[done:]:
                journal.add(answer(row))
        assert path.read_bytes() == whole


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"my notes\n", "line 1 of {} is not the answer to a line of this batch"),
        (b"my notes", "{} holds something else"),
        (b"{", "{} holds something else"),
        (b'{"lime": 1', "{} holds something else"),
        (b'{"line": 12, "hits": 3}', "{} holds something else"),
        (b'{"line": 1, "digest": "0123456789abcde', "{} holds something else"),
        (b'{"line": 1, "digest": "0123456789ABCDEF"', "{} holds something else"),
        (b'{"digest": "0123456789abcdef", "line": 1', "{} holds something else"),
        (b"[" * 100_000 + b"\n", "line 1 of {} is not the answer to a line of this batch"),
        (b"1\n", "line 1 of {} is not the answer to a line of this batch"),
        (b'{"line": 1, "digest": "0"}\n', "line 1 of {} is not the answer to a line of this batch"),
    ],
    ids=[
        *("text", "part", "one byte", "another first field", "another second field"),
        *("too little", "no digest", "another order", "deep", "number", "changed hole"),
    ],
)
def test_a_file_of_anything_else_is_left_alone(data: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "answers"
    path.write_bytes(data)
    with AnswerJournal.open_locked(str(path)) as journal, pytest.raises(DataError) as caught:
        journal.find_answered(parse_batch(HOLES))
    way = "name another file with --output"
    assert str(caught.value) == f"{message.format(path)}; {way}"
    assert path.read_bytes() == data


def test_what_no_record_begins_with_is_left_alone_behind_records(tmp_path: Path) -> None:
    path, rows = tmp_path / "answers", parse_batch(HOLES)
    data = sealed(rows[0]) + b"my notes"
    path.write_bytes(data)
    with AnswerJournal.open_locked(str(path)) as journal, pytest.raises(DataError, match="else"):
        journal.find_answered(rows)
    assert path.read_bytes() == data


def test_more_answers_than_lines(tmp_path: Path) -> None:
    path, rows = tmp_path / "answers", parse_batch(HOLES)
    path.write_bytes(b"".join(map(sealed, rows)))
    message = f"line 3 of {path} is not the answer to a line of this batch"
    with AnswerJournal.open_locked(str(path)) as journal, pytest.raises(DataError, match=message):
        journal.find_answered(rows[:2])


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
        assert len(journal.find_answered(rows)) == len(rows)
        with pytest.raises(DataError) as caught:
            journal.find_answered(others)
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
        journal.find_answered(rows)
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
        answered = journal.find_answered(rows)
        assert answered < {row.number for row in rows}
        for row in rows[len(answered) :]:
            journal.add(answer(row))
    assert path.read_bytes() == b"".join(map(sealed, rows))


def failure(line: BatchLine) -> bytes:
    """A line of answers for one that could not be answered."""
    return json.dumps({**line.record(), "error": "no"}).encode() + b"\n"


def test_what_failed_is_asked_again_and_takes_its_place(tmp_path: Path) -> None:
    """A line that is mended is another question; the answers to the others stay."""
    path, rows = tmp_path / "answers", parse_batch(HOLES)
    rows = [replace(row, inputs=INPUTS) for row in rows]
    path.write_bytes(sealed(rows[0]) + seal(failure(rows[1])) + sealed(rows[2]))
    mended = parse_batch(HOLES.replace(b'"b"', b'"mended"'))
    changed = [rows[0], replace(mended[1], inputs={**INPUTS, "source": "2"}), rows[2]]
    with AnswerJournal.open_locked(str(path)) as journal:
        assert journal.find_answered(rows) == {1, 4}
        assert journal.find_answered(changed) == {1, 4}
        journal.add(answer(changed[1]))
    with AnswerJournal.open_locked(str(path)) as journal:  # as after a run that was killed here
        assert journal.find_answered(changed) == {1, 2, 4}
        journal.sort(changed)
    assert path.read_bytes() == b"".join(map(sealed, changed))


def test_a_line_that_failed_may_be_taken_out(tmp_path: Path) -> None:
    path, rows = tmp_path / "answers", parse_batch(HOLES)
    path.write_bytes(sealed(rows[0]) + seal(failure(rows[1])) + sealed(rows[2]))
    left = [rows[0], rows[2]]
    with AnswerJournal.open_locked(str(path)) as journal:
        assert journal.find_answered(left) == {1, 4}
        journal.sort(left)
    assert path.read_bytes() == b"".join(map(sealed, left))


@pytest.mark.parametrize("changed", [{"model": "b"}, {"options": "2"}])
def test_what_failed_in_another_run_is_no_part_of_this_one(
    changed: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "answers"
    rows = [replace(row, inputs=INPUTS) for row in parse_batch(HOLES)]
    path.write_bytes(seal(failure(rows[0])))
    others = [replace(row, inputs={**INPUTS, **changed}) for row in rows]
    with AnswerJournal.open_locked(str(path)) as journal, pytest.raises(DataError):
        journal.find_answered(others)


def test_what_failed_and_was_altered_is_an_error(tmp_path: Path) -> None:
    path, rows = tmp_path / "answers", parse_batch(HOLES)
    path.write_bytes(seal(failure(rows[0])).replace(b"no", b"yes"))
    with AnswerJournal.open_locked(str(path)) as journal, pytest.raises(DataError, match="altered"):
        journal.find_answered(rows)


def test_a_file_that_took_the_place_of_the_one_that_was_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, other = tmp_path / "answers", tmp_path / "other"
    other.touch()

    def lock(descriptor: int) -> bool:
        other.replace(path)
        return True

    monkeypatch.setattr("starcoder_cli.files.answer_journal.try_lock", lock)
    with pytest.raises(BusyError, match="another run is writing"):
        AnswerJournal.open_locked(str(path)).__enter__()


@pytest.mark.parametrize("is_replaced", [True, False])
@pytest.mark.parametrize("is_done", [True, False])
def test_answers_are_kept_beside_a_file_that_somebody_replaced(
    is_done: bool, is_replaced: bool, tmp_path: Path
) -> None:
    """It was a bug that they were lost, or that the other file was."""
    path, rows = tmp_path / "answers", parse_batch(HOLES)
    with AnswerJournal.open_locked(str(path)) as journal:
        journal.add(answer(rows[0]))
        path.unlink()
        if is_replaced:
            path.write_text("precious")
        with pytest.raises(WriteError, match="was replaced while answers were written") as caught:
            journal.sort(rows) if is_done else journal.add(answer(rows[1]))
    assert path.exists() == is_replaced and (not is_replaced or path.read_text() == "precious")
    (kept,) = set(tmp_path.iterdir()) - {path}
    assert str(kept) in str(caught.value) and kept.read_bytes() == sealed(rows[0])
