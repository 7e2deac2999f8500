"""Answers that go round in circles, and lists that only look so."""

import pytest

from holes import cases, check
from starcoder_cli.postprocess.repetition import RepetitionCheck

REPEATS = {
    "one line, over and over": "\n«" + "a = 1\n" * 7 + "¦" + "a = 1\n" * 9 + "»",
    "a block of two lines": "\ndef f():\n«"
    + "    a += 1\n    print(a)\n" * 4
    + "¦"
    + "    a += 1\n    print(a)\n" * 5
    + "»",
    "a list that differs in a number": "\nx = [\n«"
    + "".join(f"    f({number}),\n" + "¦" * (number == 14) for number in range(30))
    + "»]\n",
}

ROWS = {
    "six equal rows of a table": "\nrows = [\n«" + '    ("a", "b"),\n' * 6 + "»]\n",
    "as many equal rows as a model stops behind": "\nrows = [\n«"
    + '    ("a", "b"),\n' * 12
    + "»]\n",
    "numbers that a model stops behind": "\nrows = [\n«"
    + "".join(f"    {number},\n" for number in range(20))
    + "»]\n",
}


@cases(REPEATS)
def test_a_model_that_goes_round_in_circles_is_ended(case: str) -> None:
    check(case, "python", "repetition")


@cases(ROWS)
def test_rows_that_belong_to_an_answer_stay(case: str) -> None:
    check(case, "python")


@pytest.mark.parametrize(
    ("lines", "is_circle"),
    [
        (["a"] * 8, True),
        (["a"] * 7, False),
        (["x", *(["a", "b"] * 5)], True),
        (["x", *(["a", "b"] * 4)], False),
        ([f"f({number})" for number in range(16)], True),
        ([f"f({number})" for number in range(15)], False),
        ([f"f{'x' * number}" for number in range(30)], False),
    ],
)
def test_so_many_lines_are_a_circle(lines: list[str], is_circle: bool) -> None:
    repetition = RepetitionCheck()
    assert [repetition.feed(line) for line in lines][-1] is is_circle
