"""What a model is asked, and the whole program that its answer makes."""

import json
from dataclasses import replace

import pytest

from runs import ADD
from starcoder_cli.evaluation.problems import Problem
from starcoder_cli.files.batch import BatchTask, parse_batch_line

HOLE = Problem(
    "a:1", "line", "python", "x = ", "\n", "1", imports="import a\n", filename="a.py", lines="one"
)


def test_a_program_is_what_stands_around_an_answer_below_the_imports() -> None:
    assert HOLE.program("2") == "import a\nx = 2\n"
    assert ADD.program(ADD.reference) == "def add(a, b):\n    return a + b\n"


def test_a_line_of_a_batch_asks_for_the_hole_and_tells_no_answer() -> None:
    assert json.loads(HOLE.to_batch_line(64, 0)) == {
        "id": "a:1",
        "prefix": "x = ",
        "suffix": "\n",
        "lang": "python",
        "filename": "a.py",
        "lines": "one",
        "max_tokens": 64,
        "seed": 0,
        "stop": [],
    }


def test_what_is_not_said_is_left_out() -> None:
    fields = json.loads(ADD.to_batch_line(64, None))
    assert {"filename", "seed"} & fields.keys() == set()
    assert fields["stop"] == ["\ndef"]


@pytest.mark.parametrize(
    "problem", [ADD, HOLE, replace(HOLE, name="ä\u2028\0", prefix='\r\n\u2028"\\')]
)
def test_a_line_of_a_batch_is_read_as_it_was_meant(problem: Problem) -> None:
    row = problem.to_batch_line(64, 3)
    line = parse_batch_line(1, row)
    assert b"\n" not in row
    assert (line.id, line.task) == (
        problem.name,
        BatchTask(
            prefix=problem.prefix,
            suffix=problem.suffix,
            lang="python",
            filename=problem.filename,
            lines=problem.lines,
            max_tokens=64,
            seed=3,
            stop=problem.stop,
        ),
    )
