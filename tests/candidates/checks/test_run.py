"""Candidates are run where their file's project is, and ranked by what they do."""

import re
from pathlib import Path, PurePosixPath

import pytest

from starcoder_cli.candidates.checks.agreement import Check
from starcoder_cli.candidates.checks.run import (
    CheckedFile,
    Outcome,
    find_test_files,
    rank_by_running,
)
from starcoder_cli.candidates.ranking import Candidate, rank_candidates
from starcoder_cli.errors import UsageError
from starcoder_cli.files.source import Source, Span
from starcoder_cli.model import Sampling
from starcoder_cli.stream import Completion

HOLE = "<HOLE>"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder is empty."""
    monkeypatch.chdir(tmp_path)


def rank(name: str, text: str, *answers: str) -> Outcome:
    """What becomes of answers for the mark in a file."""
    start = text.index(HOLE)
    raw = text.replace(HOLE, "")
    if name != "-":
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(raw)
    source, span = Source(name, raw), Span(start, start)
    candidates = [Candidate(Completion(answer, "stop"), Sampling()) for answer in answers]
    file = CheckedFile.of(source, "javascript" if name.endswith(".js") else "python")
    return rank_by_running(candidates, file, source, span, lambda status: None)


def checks(outcome: Outcome) -> list[Check | None]:
    """What is told of each candidate."""
    return [candidate.check for candidate in outcome.candidates]


def test_examples_and_agreement() -> None:
    head = 'def double(n: int):\n    """Twice.\n\n    >>> double(3)\n    6\n    """\n'
    text = f"{head}    return {HOLE}\n"
    wrong, right, other, broken = checks(rank("double.py", text, "n + 1", "2 * n", "n + n", "n +"))
    assert wrong == Check(True, 0, 1, wrong.agreement if wrong else 0)
    assert right
    assert (right.passed, right.failed) == (1, 0)
    assert right == other
    assert broken == Check(False, 0, 0, 0)
    assert wrong
    assert right.agreement > wrong.agreement


def test_standard_input_is_a_file_alone() -> None:
    outcome = rank("-", f"def double(n: int):\n    # double(4) == 8\n    return {HOLE}\n", "2 * n")
    assert [check and check.passed for check in checks(outcome)] == [1]


def test_the_rest_of_the_project_is_there() -> None:
    Path("shop/parts").mkdir(parents=True)
    Path("shop/__init__.py").write_text("")
    Path("shop/parts/__init__.py").write_text("")
    Path("shop/tax.py").write_text("RATE = 2\n")
    text = f"from ..tax import RATE\n\n\ndef add(n):\n    # add(1) == 3\n    return {HOLE}\n"
    right, wrong = checks(rank("shop/parts/sum.py", text, "n + RATE", "RATE"))
    assert right
    assert wrong
    assert (right.passed, right.failed, wrong.passed, wrong.failed) == (1, 0, 0, 1)


def test_an_answer_is_tried_in_a_copy() -> None:
    text = f"def double(n: int):\n    return {HOLE}\n"
    rank("double.py", text, "open(__file__, 'w')", "2 * n")
    assert Path("double.py").read_text() == text.replace(HOLE, "")


def test_there_is_nothing_to_run() -> None:
    assert rank("a.py", f"x = {HOLE}\n", "1").reason == "it is in no function that can be run"
    outcome = rank("a.py", f"import nothing_like_it\n\ndef f(x):\n    return {HOLE}\n", "1", "2")
    assert "nothing_like_it" in outcome.reason
    assert [check and check.loaded for check in checks(outcome)] == [False, False]


def test_languages_that_are_not_run() -> None:
    with pytest.raises(UsageError, match=re.escape("--check does not run ruby")):
        CheckedFile.of(Source("a.rb", ""), "ruby")


def test_the_files_of_tests_for_a_file() -> None:
    names = ["tests/test_sum.py", "shop/test_sum.py", "shop/sum_test.py", "a/b/c/test_sum.py"]
    names += ["tests/test_summary.py", "shop/sum.py"]
    assert find_test_files(PurePosixPath("shop/sum.py"), names) == [
        "shop/sum_test.py",
        "shop/test_sum.py",
        "a/b/c/test_sum.py",
    ]
    assert find_test_files(PurePosixPath("test_sum.py"), ["test_sum.py"]) == []
    assert find_test_files(PurePosixPath("sum.js"), names) == []


def test_an_answer_that_does_not_come_back_from_the_tests_is_worse_than_one_that_fails() -> None:
    Path("test_gcd.py").write_text(
        "import socket\nfrom gcd import gcd\n\n\ndef test_gcd():\n    assert gcd(12, 18) == 6\n\n\n"
        "def test_network():\n    socket.create_connection(('127.0.0.1', 9), 1)\n"
    )
    text = f"def gcd(a, b):\n    while b:\n        {HOLE}\n    return a\n"
    outcome = rank("gcd.py", text, "a = a % b", "a, b = b, a % b")
    hangs, right = checks(outcome)
    assert hangs
    assert right
    if outcome.unusable_tests:
        pytest.skip("the python3 on the PATH has no pytest")
    assert (right.passed, right.failed) == (1, 1)
    assert (hangs.passed, hangs.failed) == (0, 1)
    ranked = rank_candidates(outcome.candidates)
    assert ranked[0].text == "a, b = b, a % b"


def test_tests_of_another_file_of_that_name_say_nothing() -> None:
    """They passed whatever the answer was."""
    for folder in ("blog", "shop"):
        Path(folder).mkdir()
        Path(folder, "__init__.py").touch()
    Path("blog/models.py").write_text("def double(n):\n    return 2 * n\n")
    Path("blog/test_models.py").write_text(
        "from blog.models import double\n\n\ndef test_double():\n    assert double(2) == 4\n"
    )
    text = f"def double(n):\n    return {HOLE}\n"
    outcome = rank("shop/models.py", text, "n")
    (check,) = checks(outcome)
    assert check
    assert (check.passed, check.failed) == (0, 0)
    assert tuple(outcome.unusable_tests) == ("blog/test_models.py",)


@pytest.mark.parametrize(
    "how",
    [
        "import double as d\n\n\ndef test_it():\n    n = d.double(2)\n",
        "import pytest\nimport double as d\n\n\n@pytest.fixture\ndef n():\n"
        "    return d.double(2)\n\n\ndef test_it(n):\n    pass\n",
        "import threading\nimport double as d\n\n\ndef test_it():\n    n = 4\n    t ="
        " threading.Thread(target=d.double, args=(2,))\n    t.start()\n    t.join()\n",
    ],
)
def test_a_test_that_runs_the_file_somehow_counts(how: str) -> None:
    Path("test_double.py").write_text(f"{how}    assert n == 4\n")
    outcome = rank("double.py", f"def double(n):\n    return {HOLE}\n", "2 * n")
    if outcome.unusable_tests:
        pytest.skip("the python3 on the PATH has no pytest")
    assert [check and check.passed for check in checks(outcome)] == [1]


def test_tests_that_could_not_run_are_named() -> None:
    Path("test_double.py").write_text("import nothing_of_that_name\nassert 0\n")
    outcome = rank("double.py", f"def double(n: int):\n    return {HOLE}\n", "2 * n")
    assert tuple(outcome.unusable_tests) == ("test_double.py",)


def test_names_of_files_that_are_no_names_of_modules() -> None:
    for name in ("two.parts.py", "script.pyw", "my-file.py"):
        outcome = rank(
            name, f"def double(n: int):\n    # double(2) == 4\n    return {HOLE}\n", "2 * n"
        )
        assert [check and check.passed for check in checks(outcome)] == [1]


def test_a_file_that_does_not_come_back_is_waited_for_once() -> None:
    text = f"def double(n):\n    return {HOLE}\n\n\nwhile True:\n    pass\n"
    outcome = rank("double.py", text, "2 * n", "n", "3 * n")
    assert outcome.reason == "the file cannot be run here: it takes too long"


def test_assertions_of_an_answer_are_not_tests() -> None:
    text = f"function mean(values) {{\n  {HOLE}\n}}\nconsole.assert(mean([1, 3]) === 2);\n"
    own = "console.assert(true); console . assert(1); return 0;"
    wrong, right = checks(rank("mean.js", text, own, "return 2;"))
    assert wrong and (wrong.passed, wrong.failed) == (0, 1)
    assert right and (right.passed, right.failed) == (1, 0)


def test_a_very_long_file_is_not_run() -> None:
    outcome = rank("long.py", f"def f(n):\n    return {HOLE}\n" + "#\n" * 600_000, "n")
    assert outcome.reason == "the file is too long to be run again and again"
