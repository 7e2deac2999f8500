"""A run on disk goes on where it ended, and one that asks something else is refused."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from runs import ADD, SETTINGS, SUBTRACT
from starcoder_cli.errors import BusyError, CreateError, DataError, RefusedError
from starcoder_cli.evaluation.run import (
    ResumableFile,
    open_run_folder,
    verdict_lines,
)
from starcoder_cli.files.answer_journal import seal
from starcoder_cli.files.batch import BatchLine, BatchTask

LINES = SETTINGS.batch_lines([ADD, SUBTRACT])
OTHER = "name another folder with --out, or remove this one"


def seeds(lines: list[BatchLine]) -> list[tuple[int, object, int | None]]:
    """Number, name and seed of each line."""
    return [
        (line.number, line.id, line.task.seed) for line in lines if isinstance(line.task, BatchTask)
    ]


def answer(line: BatchLine) -> bytes:
    """An answer to a line."""
    return json.dumps({**line.record(), "text": "x"}).encode() + b"\n"


def record(line: BatchLine) -> bytes:
    """An answer to a line, as a file of a run has it."""
    return seal(answer(line))


def test_each_answer_to_a_problem_has_a_seed_of_its_own() -> None:
    assert seeds(LINES) == [
        (1, "HumanEval/0", 7),
        (2, "HumanEval/0", 8),
        (3, "HumanEval/1", 7),
        (4, "HumanEval/1", 8),
    ]
    assert [seed for *_, seed in seeds(replace(SETTINGS, seed=None).batch_lines([ADD]))] == [
        None,
        None,
    ]


def test_a_folder_is_made_and_opened_again_by_the_same_run(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    for _ in range(2):
        open_run_folder(folder, SETTINGS)
        assert json.loads((folder / "run.json").read_bytes()) == asdict(SETTINGS)


@pytest.mark.parametrize(
    ("name", "value"),
    [("model", "other"), ("samples", 1), ("seed", None), ("temperature", 0.0), ("prompted", True)],
)
def test_a_run_that_asks_something_else_is_refused(
    tmp_path: Path, name: str, value: object
) -> None:
    open_run_folder(tmp_path, SETTINGS)
    before = (tmp_path / "run.json").read_bytes()
    changed = replace(SETTINGS, **{name: value})  # type: ignore[arg-type]  # a table has any
    with pytest.raises(DataError) as caught:
        open_run_folder(tmp_path, changed)
    was = asdict(SETTINGS)[name]
    assert str(caught.value) == (
        f"{tmp_path} holds a run with {name} {was!r}, not {value!r}; {OTHER}"
    )
    assert (tmp_path / "run.json").read_bytes() == before


@pytest.mark.parametrize("contents", ["{}", "[]", "no JSON", '{"benchmark": "humaneval"}'])
def test_what_no_run_has_written_is_left_alone(tmp_path: Path, contents: str) -> None:
    (tmp_path / "run.json").write_text(contents)
    with pytest.raises(DataError) as caught:
        open_run_folder(tmp_path, SETTINGS)
    assert str(caught.value) == f"{tmp_path / 'run.json'} is not what a run has written; {OTHER}"
    assert (tmp_path / "run.json").read_text() == contents


def test_where_no_folder_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CreateError) as caught:
        open_run_folder(tmp_path / "file" / "run", SETTINGS)
    assert caught.value.message == f"cannot write {tmp_path / 'file' / 'run'}: Not a directory"


@pytest.mark.parametrize("name", ["run", "run/run.json"])
@pytest.mark.parametrize("in_repository", [True, False])
def test_a_link_that_leads_elsewhere_makes_no_file_there(
    tmp_path: Path, name: str, in_repository: bool
) -> None:
    """One that led to no file made it, wherever that was."""
    folder, outside = tmp_path / "here/run", tmp_path / "outside"
    (tmp_path / "here" / (".git" if in_repository else "other")).mkdir(parents=True)
    link = tmp_path / "here" / name
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(outside)
    how = f"leads out of {tmp_path / 'here'} by" if in_repository else "is"
    with pytest.raises(RefusedError) as caught:
        open_run_folder(folder, SETTINGS)
    assert str(caught.value) == f"{link} {how} a link, to {outside}; {OTHER}"
    assert not outside.exists()


def test_a_file_of_answers_that_is_a_link_makes_no_file_elsewhere(tmp_path: Path) -> None:
    path, outside = tmp_path / "answers.jsonl", tmp_path / "outside"
    path.symlink_to(outside)
    with pytest.raises(RefusedError) as caught, ResumableFile.open(path, LINES, 4):
        raise AssertionError("it was opened")
    assert str(caught.value) == f"{path} is a link, to {outside}; {OTHER}"
    assert not outside.exists()


def test_what_is_missing_is_what_has_no_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_bytes(record(LINES[0]) + record(LINES[1])[:20])
    with ResumableFile.open(path, LINES, 3) as file:
        assert file.missing_lines == LINES[1:3]
        file.journal.add(answer(LINES[1]))
    with ResumableFile.open(path, LINES, 1) as file:
        assert file.missing_lines == []
        assert [each["line"] for each in file.read_records()] == [1, 2]


def test_what_could_not_be_answered_is_missing(tmp_path: Path) -> None:
    """It counted as an answer, which was wrong, for ever."""
    path = tmp_path / "answers.jsonl"
    failure = seal(json.dumps({**LINES[1].record(), "error": "no"}).encode())
    path.write_bytes(record(LINES[0]) + failure + record(LINES[2]))
    with ResumableFile.open(path, LINES, 4) as file:
        assert file.missing_lines == [LINES[1], LINES[3]]
        assert [each["line"] for each in file.read_records()] == [1]
        assert list(file.read_by_number()) == [1, 3]
        file.journal.add(answer(LINES[1]))
        file.sort()
        assert [each["line"] for each in file.read_records()] == [1, 2, 3]
    assert path.read_bytes() == b"".join(map(record, LINES[:3]))


def test_a_file_of_another_run_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    others = SETTINGS.batch_lines([SUBTRACT, replace(ADD, prefix="def other():\n")])
    path.write_bytes(record(others[2]))
    with pytest.raises(DataError) as caught, ResumableFile.open(path, LINES, 4):
        raise AssertionError("it was opened")
    assert str(caught.value) == f"{path} is of another run; {OTHER}"
    assert path.read_bytes() == record(others[2])


def test_two_runs_do_not_write_one_file(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    with (
        ResumableFile.open(path, LINES, 4),
        pytest.raises(BusyError),
        ResumableFile.open(path, LINES, 4),
    ):
        raise AssertionError("two have it")


def test_a_verdict_is_of_a_whole_program_and_its_tests() -> None:
    answers = [{"text": "a"}, {"text": "b"}, {"text": "a"}, {"text": ""}]
    lines = verdict_lines([ADD, SUBTRACT], answers, 2)
    assert [(line.number, line.id) for line in lines] == [
        (1, "HumanEval/0"),
        (2, "HumanEval/0"),
        (3, "HumanEval/1"),
        (4, "HumanEval/1"),
    ]
    (same,) = verdict_lines([ADD], [{"text": "a", "tokens": 9}], 1)
    assert same == lines[0]
    others = [
        verdict_lines([replace(ADD, tests="")], [{"text": "a"}], 1)[0],
        verdict_lines([replace(ADD, prefix="x")], [{"text": "a"}], 1)[0],
        verdict_lines([ADD], [{"text": "\ud800"}], 1)[0],
        lines[1],
    ]
    assert len({line.digest for line in (*others, same)}) == 5
