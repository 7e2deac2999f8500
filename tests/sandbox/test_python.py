"""Python programs and their tests: what passes, what does not, and what is said about it."""

import pytest

from starcoder_cli.sandbox import Limits, SandboxJob, Verdict, judge

pytestmark = pytest.mark.usefixtures("rung")


def verdict(program: str, tests: str, seconds: float = 20.0) -> Verdict:
    """How a Python program is judged by assertions."""
    return judge(SandboxJob("python", program, tests), Limits(seconds=seconds))


def outcome(program: str, tests: str) -> tuple[str, str]:
    """The result of a Python program that does not pass, and the detail."""
    judged = verdict(program, tests)
    assert not judged.passed
    return judged.result, judged.detail


def test_a_right_function_passes() -> None:
    judged = verdict("def add(a, b):\n    return a + b\n", "assert add(1, 2) == 3")
    assert (judged.passed, judged.result, judged.detail) == (True, "passed", "")
    assert judged.seconds > 0


def test_a_wrong_answer_is_told_by_its_test() -> None:
    program = "def add(a, b):\n    return a - b\n"
    tests = "assert add(1, 0) == 1\nassert add(1, 2) == 3, 'three'\n"
    assert outcome(program, tests) == ("wrong", "assert add(1, 2) == 3, 'three' three")


def test_a_check_function_is_given_the_function() -> None:
    program = "def double(n):\n    return 2 * n\n"
    check = "def check(candidate):\n    assert candidate(2) == 4 and candidate('a') == 'aa'\n"
    assert judge(SandboxJob("python", program, check, "double")).passed
    assert not judge(SandboxJob("python", program.replace("2", "3"), check, "double")).passed


def test_helpers_of_the_prompt_are_not_the_programs() -> None:
    prompt = "def square(x):\n    return x * x\n\ndef root(x):\n    'The square root.'\n"
    tests = "def check(candidate):\n    assert abs(square(candidate(9.0)) - 9.0) < 1e-6\n"
    assert judge(
        SandboxJob("python", prompt + "    return x ** 0.5\n", tests, "root", prompt)
    ).passed
    forged = prompt + "    return 1.0\n\ndef square(x):\n    return 9.0\n"
    assert judge(SandboxJob("python", forged, tests, "root", prompt)).result == "wrong"


@pytest.mark.parametrize(
    "value",
    [
        "None",
        "[1, 2.5, 'ä\\ud800', True, {'a': (1, {2})}]",
        "(float('inf'), -0.0, 10**3000)",
        "{(1, 2): frozenset([3]), None: b'\\x00'}",
        "range(3)",
        "1 + 2j",
        "{1: 2}.keys()",
        "[]",
    ],
)
def test_values_cross_both_ways(value: str) -> None:
    program = "def same(value):\n    return value\n"
    tests = f"value = {value}\nassert same(value) == value and type(same(value)) is type(value)"
    assert verdict(program, tests).result == "passed"


def test_iterators_cross_as_iterators() -> None:
    program = "def squares(n):\n    yield from (i * i for i in range(n))\n"
    assert verdict(program, "assert list(squares(3)) == [0, 1, 4]").passed
    assert not verdict(program, "assert squares(3) == [0, 1, 4]").passed


def test_objects_of_the_program_are_given_back() -> None:
    program = "class Pair:\n    def __init__(self, a, b):\n        self.a, self.b = a, b\n\n"
    program += "def total(pairs):\n    return sum(pair.a + pair.b for pair in pairs)\n"
    assert verdict(program, "assert total([Pair(1, 2), Pair(3, b=4)]) == 10").passed


def test_exceptions_are_raised_among_the_tests() -> None:
    program = "def fail():\n    raise ValueError('no')\n"
    tests = "try:\n    fail()\nexcept ValueError as error:\n    assert str(error) == 'no'\n"
    assert verdict(program, tests + "else:\n    assert False\n").passed
    assert outcome(program, "fail()") == ("crashed", "ValueError: no")
    assert outcome("class Odd(Exception): pass\ndef f(): raise Odd('x')", "f()") == (
        "crashed",
        "Exception: Odd: x",
    )


def test_a_name_of_a_builtin_is_the_programs_where_nothing_else_is_called() -> None:
    assert verdict("def sum(a, b):\n    return a + b\n", "assert sum(1, 2) == 3").passed
    forged = "def half(n):\n    return 0\n\ndef abs(n):\n    return 0\n"
    assert not verdict(forged, "assert abs(half(3) - 1.5) < 1e-6").passed


def test_programs_that_do_not_run() -> None:
    assert outcome("def f(:\n", "assert f()")[0] == "crashed"
    assert outcome("1 / 0\n", "assert f()") == ("crashed", "ZeroDivisionError: division by zero")
    assert outcome("", "assert f()") == ("crashed", "NameError: name 'f' is not defined")
    assert outcome("f = 1", "assert f()") == ("crashed", "TypeError: 'int' object is not callable")
    assert outcome("import numpy", "assert f()")[0] == "crashed"


def test_tests_that_call_nothing_pass_nobody() -> None:
    assert outcome("def f(): pass", "assert True") == ("wrong", "the tests called nothing")
