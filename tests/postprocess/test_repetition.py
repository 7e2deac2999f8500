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
    "rows of a table without an end": "\nrows = [\n«"
    + "    0,\n" * 15
    + "¦"
    + "    0,\n" * 25
    + "»]\n",
    "a list that differs in a number": "\nx = [\n«"
    + "".join(f"    f({number}),\n" + "¦" * (number == 14) for number in range(30))
    + "»]\n",
}

ROWS = {
    "six equal rows of a table": "\nrows = [\n«" + '    ("a", "b"),\n' * 6 + "»]\n",
    "as many equal rows as a model stops behind": "\nrows = [\n«"
    + '    ("a", "b"),\n' * 12
    + "»]\n",
    "many equal rows": "\nrows = [\n«" + "    [0, 0, 0],\n" * 40 + "»]\n",
    "numbers that a model stops behind": "\nrows = [\n«"
    + "".join(f"    {number},\n" for number in range(20))
    + "»]\n",
    "many of them": "\nrows = [\n«"
    + "".join(f"    ({number}, {number * number}),\n" for number in range(40))
    + "»]\n",
    "many of them, and more behind": "\ndef f(n):\n«"
    + "".join(f"    assert g({number}) == {number}\n" for number in range(40))
    + "    return n»\n\n\ndef h():\n    pass\n",
    "many of them before what the file has": "\nrows = [\n«"
    + "".join(f"    ({number}, {number * number}),\n" for number in range(30))
    + "¦]\nprint(rows)\n»]\nprint(rows)\n",
}


@cases(REPEATS)
def test_a_model_that_goes_round_in_circles_is_ended(case: str) -> None:
    check(case, "python", "repetition")


@cases(ROWS)
def test_rows_that_belong_to_an_answer_stay(case: str) -> None:
    check(case, "python")


@pytest.mark.parametrize(
    ("lines", "is_circle", "count_start"),
    [
        (["a"] * 8, True, None),
        (["a"] * 7, False, None),
        (["x", *(["a", "b"] * 5)], True, None),
        (["x", *(["a", "b"] * 4)], False, None),
        ([f"f({number})" for number in range(16)], False, 15),
        ([f"f({number})" for number in range(30)], False, 15),
        ([f"f({number})" for number in range(15)], False, None),
        ([*(f"f({number})" for number in range(30)), "]"], False, None),
        ([f"f{'x' * number}" for number in range(30)], False, None),
    ],
)
def test_so_many_lines_are_a_circle_or_a_list(
    lines: list[str], is_circle: bool, count_start: int | None
) -> None:
    repetition = RepetitionCheck()
    found = [repetition.feed(line, number) for number, line in enumerate(lines)]
    assert (found[-1], repetition.count_start) == (is_circle, count_start)
