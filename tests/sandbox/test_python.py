"""Python programs and their tests: what passes, what does not, and what is said about it."""

from dataclasses import replace

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


def test_a_builtin_function_is_the_programs_only_where_it_is_what_is_tested() -> None:
    job = SandboxJob("python", "def sum(a, b):\n    return a + b\n", "assert sum(1, 2) == 3", "sum")
    assert judge(job).passed
    assert not judge(replace(job, entry_point=None)).passed


CHECK = """
def check(candidate):
    assert abs(candidate([1.0, 3.0]) - 2.0) < 1e-6
    assert tuple([candidate([4.0])]) == tuple([4.0])
    assert all(map(lambda n: candidate([n]) == n, [1, 2])) and len([candidate([2])]) == 1
    assert math.isclose(candidate([0.5, 1.5]), 1) and isinstance(candidate([1, 2]), float)
"""
MEAN_PROMPT = "import math\n\ndef mean(numbers):\n    'The mean of some numbers.'\n"
# What Python, the tests and the judge itself use, made into something that agrees.
FORGERIES = {
    "builtins": "abs = tuple = all = len = isinstance = lambda *a: 0\n",
    "the module builtins": "import builtins\nbuiltins.abs = builtins.tuple = lambda *a: 0\n"
    "for name in ('all', 'isinstance'): setattr(builtins, name, lambda *a: True)\n",
    "a module": "import sys\nclass math: isclose = lambda *a: True\nsys.modules['math'] = math\n",
    "the check": "def check(candidate): candidate([])\n",
    "a class": "class float:\n    __eq__ = __lt__ = lambda *a: True\n",
    "a trace": "import sys\nsys.settrace(lambda frame, *a: frame.f_globals.update(abs=int))\n",
    "an end": "import atexit, os\natexit.register(os._exit, 0)\n",
    "an end of loops": "def mean(numbers):\n    raise StopIteration\n",
    "assertions": "class AssertionError(Exception): pass\n__debug__1 = False\n",
    "threads": "import threading, os\nthreading.Timer(0.1, os._exit, (0,)).start()\n",
    "signals": "import signal, os\nsignal.signal(14, lambda *a: os._exit(0))\nsignal.alarm(1)\n",
    "recursion": "import sys\nsys.setrecursionlimit(40)\n",
    "the channel": 'import json\njson.dumps = lambda *a: \'["passed", ""]\'\n',
    "output": 'import os\nfor n in range(9):\n    try: os.write(n, b\'["passed", ""]\\n\')\n'
    "    except OSError: pass\n",
}


HARMLESS = ("builtins", "a module", "the check", "a class", "assertions", "an end")


@pytest.mark.parametrize("name", FORGERIES)
def test_what_a_program_redefines_changes_no_verdict(name: str) -> None:
    """A wrong answer fails; a right one passes where those words let it be given."""
    job = SandboxJob("python", "", CHECK, "mean", MEAN_PROMPT)
    wrong = f"{MEAN_PROMPT}    return 0\n{FORGERIES[name]}"
    assert not judge(replace(job, program=wrong), Limits(seconds=5.0)).passed
    right = "    total = 0.0\n    for number in numbers:\n        total += number\n"
    program = f"{MEAN_PROMPT}{right}    return total / numbers.__len__()\n{FORGERIES[name]}"
    if name in HARMLESS:
        assert judge(replace(job, program=program), Limits(seconds=20.0)).result == "passed"


def test_helpers_of_a_prompt_with_a_hole_in_it_are_not_the_programs() -> None:
    prompt = "def square(x):\n    return x * x\n\ndef root(x):\n    if x:\n"
    tests = "def check(candidate):\n    assert abs(square(candidate(9.0)) - 9.0) < 1e-6\n"
    job = SandboxJob("python", f"{prompt}        return x ** 0.5\n", tests, "root", prompt)
    assert judge(job).passed
    forged = f"{prompt}        return 1.0\n\ndef square(x):\n    return 9.0\n"
    assert judge(replace(job, program=forged)).result == "wrong"


def test_what_tests_say_is_no_part_of_the_verdict() -> None:
    tests = "import sys\nsys.stderr.write('loud')\nassert f() is 1\n"
    assert verdict("def f():\n    return 1\n", tests).passed


def test_programs_that_do_not_run() -> None:
    assert outcome("def f(:\n", "assert f()")[0] == "crashed"
    assert outcome("1 / 0\n", "assert f()") == ("crashed", "ZeroDivisionError: division by zero")
    assert outcome("", "assert f()") == ("crashed", "NameError: name 'f' is not defined")
    assert outcome("f = 1", "assert f()") == ("crashed", "TypeError: 'int' object is not callable")
    assert outcome("import numpy", "assert f()")[0] == "crashed"


def test_tests_that_call_nothing_pass_nobody() -> None:
    assert outcome("def f(): pass", "assert True") == ("wrong", "the tests called nothing")
