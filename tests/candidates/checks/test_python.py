"""What a Python file says of a function, and how that is called."""

import ast

import pytest

from starcoder_cli.candidates.checks.evidence import Evidence
from starcoder_cli.candidates.checks.python import find_evidence, find_kinds

HOLE = "<HOLE>"


def evidence(text: str, answer: str = "pass") -> Evidence:
    """The evidence for an answer in place of the mark."""
    start = text.index(HOLE)
    found = find_evidence(text.replace(HOLE, answer), start, start + len(answer))
    assert found is not None
    return found


def arguments(found: Evidence) -> list[object]:
    """The arguments of each call."""
    return [ast.literal_eval(values) for _, values in found.calls]


def test_examples_of_a_docstring_and_tests_of_the_file() -> None:
    found = evidence(
        'def double(n: int) -> int:\n    """Twice as much.\n\n    >>> double(2)\n    4\n\n'
        f'    double(5) == 10\n    """\n    {HOLE}\n\n\n'
        "def test_double():\n    assert double(3) == 6\n\n\ndef test_other():\n    assert True\n"
    )
    assert [">>> double(2)" in session for session in found.sessions] == [True]
    assert found.statements == ("assert double(5) == 10", "test_double()")
    assert {function for function, _ in found.calls} == {"double"}
    assert arguments(found)[:3] == [(3,), (2,), (5,)]


def test_a_generator_runs_nothing_and_is_no_test() -> None:
    found = evidence(f"def f(n):\n    {HOLE}\n\n\ndef test_f():\n    yield\n    assert f(1) == 2\n")
    assert found.statements == ()


def test_what_the_answer_says_is_no_evidence() -> None:
    answer = '"""Twice.\n\n    >>> double(2)\n    5\n    """\n    # double(1) == 9\n    return n'
    found = evidence(f"def double(n):\n    {HOLE}\n", answer)
    assert (found.sessions, found.statements) == ((), ())


def test_a_method_is_called_of_a_new_object() -> None:
    found = evidence(f"class Counter:\n    def add(self, n: int):\n        {HOLE}\n")
    assert {function for function, _ in found.calls} == {"Counter().add"}


@pytest.mark.parametrize(
    "head",
    [
        "async def f(x):",
        "def f(x, *, key):",
        "class C:\n  def __init__(self, size): pass\n  def f(self, x):",
        "class C(Base):\n  def f(self, x):",
        "class C:\n  @property\n  def f(self):",
    ],
)
def test_what_cannot_be_called_so_is_not(head: str) -> None:
    assert evidence(f"{head}\n    {HOLE}\n").calls == ()


def test_parameters_with_a_default_are_left_to_it() -> None:
    found = evidence(f"def f(x: int, y=2):\n    {HOLE}\n")
    assert {len(ast.literal_eval(values)) for _, values in found.calls} == {1}


def test_outside_of_functions_there_is_nothing_to_run() -> None:
    assert find_evidence("x = 1\n", 4, 5) is None
    assert find_evidence("def f(:\n", 6, 7) is None


@pytest.mark.parametrize(
    ("annotation", "kinds"),
    [
        ("int", ("int",)),
        ("'int'", ("int",)),
        ("float", ("float", "int")),
        ("List[int]", ("list[int]",)),
        ("typing.List[str]", ("list[str]",)),
        ("list[list[int]]", ("list[list[int]]",)),
        ("list", ("list[int]", "list[str]")),
        ("Optional[str]", ("str", "none")),
        ("int | None", ("int", "none")),
        ("Union[int, str]", ("int", "str")),
        ("Dict[str, int]", ("dict",)),
        ("Tuple[int, ...]", ("tuple",)),
        ("Sequence", ("list[int]", "list[str]")),
        ("Path", ()),
        ("Any", ()),
    ],
)
def test_the_kinds_of_an_annotation(annotation: str, kinds: tuple[str, ...]) -> None:
    assert find_kinds(ast.parse(annotation, mode="eval").body) == kinds


def test_tests_of_a_method_count_and_those_that_may_be_skipped_do_not() -> None:
    found = evidence(
        f"class Account:\n    def deposit(self, n):\n        {HOLE}\n\n\n"
        "def test_deposit():\n    account = Account()\n    account.deposit(5)\n\n\n"
        "@pytest.mark.skip\ndef test_old():\n    Account().deposit(6)\n"
    )
    assert found.statements == ("test_deposit()",)


def test_examples_of_other_functions_are_not_its_own() -> None:
    other = (
        'def {0}(n):\n    """Other than mean.\n\n    >>> {0}(2)\n    2\n    """\n    return n\n\n\n'
    )
    text = other.format("geometric_mean") + other.format("meaning") + f"def mean(n):\n    {HOLE}\n"
    assert evidence(text).sessions == ()
    used = text.replace(">>> meaning(2)", ">>> meaning(mean(2))")
    assert [">>> meaning(mean" in session for session in evidence(used).sessions] == [True]


def test_of_several_tests_of_one_name_the_last_is_run() -> None:
    test = "def test_mean():\n    assert mean(2) == {0}\n\n\n"
    found = evidence(f"def mean(n):\n    {HOLE}\n\n\n{test.format(1)}{test.format(2)}")
    assert found.statements == ("test_mean()",)
    hidden = evidence(f"def mean(n):\n    {HOLE}\n\n\n{test.format(1)}class test_mean:\n    pass\n")
    assert hidden.statements == ()
