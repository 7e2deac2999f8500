"""The published data sets, read as problems."""

from pathlib import Path

import pytest

from starcoder_cli import languages
from starcoder_cli.errors import DataError
from starcoder_cli.evaluation.benchmarks import (
    BENCHMARKS,
    MULTIPL_E_LANGUAGES,
    find_tested_function,
)
from starcoder_cli.evaluation.datasets import parse_rows
from starcoder_cli.evaluation.problems import Problem

FILES = {
    "humaneval": ("humaneval/HumanEval.jsonl.gz", 164),
    "infilling": ("humaneval-infilling/HumanEval-SingleLineInfilling.jsonl.gz", 1033),
    "mbpp": ("mbpp/sanitized-mbpp.json", 257),
    "multipl-e": ("multipl-e/humaneval-sh-reworded.jsonl", 158),
    "santacoder-fim": ("santacoder-fim/santacoder-fim-python.jsonl", 1043),
}


def problems(name: str, data: Path) -> list[Problem]:
    """All problems of a benchmark in its own file."""
    path = data / FILES[name][0]
    found = map(BENCHMARKS[name].parse_row, parse_rows(path.read_bytes(), path.name))
    return [problem for problem in found if problem]


@pytest.mark.parametrize("name", FILES)
def test_every_problem_is_read(name: str, shared: Path) -> None:
    found = problems(name, shared / "data")
    assert len(found) == FILES[name][1]
    assert len({problem.name for problem in found}) == len(found)
    assert all(problem.prefix for problem in found)
    assert all(problem.tests for problem in found) == BENCHMARKS[name].runs_tests
    assert all(languages.find_language(problem.language) for problem in found)


def test_the_authors_answer_makes_the_whole_program(shared: Path) -> None:
    first = problems("humaneval", shared / "data")[0]
    whole = first.program(first.reference)
    assert (first.name, first.entry_point, first.suffix) == (
        "HumanEval/0",
        "has_close_elements",
        "",
    )
    compile(f"{whole}\n{first.tests}\ncheck({first.entry_point})", first.name, "exec")
    for line in problems("infilling", shared / "data")[:6]:
        assert line.program(line.reference).split() == whole.split()


def test_a_line_of_santacoders_stands_between_line_ends(shared: Path) -> None:
    for problem in problems("santacoder-fim", shared / "data"):
        compile(problem.program(problem.reference), problem.name, "exec")


def test_mbpp_is_asked_for_the_test_split_with_one_of_its_tests(shared: Path) -> None:
    first = problems("mbpp", shared / "data")[0]
    assert (first.name, first.entry_point) == ("MBPP/11", "remove_Occ")
    assert first.prefix == (
        '"""\nWrite a python function to remove first and last occurrence of a given character '
        'from the string.\nassert remove_Occ("hello","l") == "heo"\n"""\n'
    )


@pytest.mark.parametrize(
    ("reference", "test", "tested"),
    [
        ("def sum(a, b):\n    return a + b", "assert sum(1, 2) == 3", "sum"),
        ("def f(a):\n    return abs(a)", "assert abs(f(1) - 2) < 1e-6", "f"),
        ("class Pair: pass\ndef f(a):\n    pass", "assert f([Pair(1)]) == 1", "f"),
        ("f = 1", "assert f(1)", None),
        ("print 1", "assert f(1)", None),
        ("def f(): pass", "assert f(:", None),
    ],
)
def test_the_tested_function_is_the_authors(reference: str, test: str, tested: str | None) -> None:
    assert find_tested_function(reference, test) == tested


def test_every_language_of_multipl_e_is_one_of_ours() -> None:
    assert {languages.find_language(name).name for name in MULTIPL_E_LANGUAGES.values()} == set(
        MULTIPL_E_LANGUAGES.values()
    )


@pytest.mark.parametrize(
    ("name", "row", "message"),
    [
        ("humaneval", {"task_id": "x"}, "a row of the data set has no text 'prompt'"),
        ("mbpp", {"task_id": "11"}, "a row of the data set has no tests"),
        ("multipl-e", {"language": "cobol"}, "there is no language 'cobol' in MultiPL-E"),
    ],
)
def test_a_row_of_something_else(name: str, row: dict[str, object], message: str) -> None:
    with pytest.raises(DataError) as caught:
        BENCHMARKS[name].parse_row(row)
    assert caught.value.message == message
