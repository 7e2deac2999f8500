"""An answer ends where it goes round in circles, or tells what follows it in other words."""

import pytest

from holes import cases, check, chunked
from starcoder_cli.postprocess.repetition import (
    are_similar,
    check_repetition,
    make_suffix_check,
    until_lines_check,
)
from starcoder_cli.stream import collect

REPEATS = {
    "one line, four times": """
«a = 1
¦a = 1
a = 1
a = 1
a = 1
»""",
    "a block of two lines, three times": """
def f():
«    a += 1
    print(a)
¦    a += 1
    print(a)
    a += 1
    print(a)
    a += 1
»""",
}

NEARLY = {
    "a loop of another kind around the same body": """
def f(n):
«    i = 2
¦    while n % i == 0:
        found.append(i)
        n //= i
»    if n % i == 0:
        found.append(i)
""",
}


@cases(REPEATS)
def test_lines_that_come_again_end_it(case: str) -> None:
    check(case, "python", "repetition")


@cases(NEARLY)
def test_the_suffix_in_other_words_ends_it(case: str) -> None:
    check(case, "python", "suffix")


@pytest.mark.parametrize(
    ("text", "shown", "has_ended"),
    [
        ("a\na\na\na\n", 1, True),
        ("a\na\na\n", 1, False),
        ("a\na\na\na", 1, False),
        ("x\na\nb\na\nb\na\nb\n", 3, True),
        ("a\nb\na\nb\na\n", 2, False),
        ("x\na\nb\na\nb\na\nc\n", 8, False),
        ("a\nb\nc\nd\na\nb\nc\nd\na\nb\nc\nd\n", 4, True),
        ("a\nb\nc\nd\ne\na\nb\nc\nd\ne\na\nb\nc\nd\ne\n", 16, False),
        ("x\n\n\n\n\n", 2, False),
        ("return a\nre", 1, False),
        ("return a\nraise", 2, False),
        ("", 1, False),
    ],
)
def test_four_equal_lines_or_three_equal_blocks_are_a_circle(
    text: str, shown: int, has_ended: bool
) -> None:
    assert check_repetition(text.split("\n")) == (shown, has_ended)


SUFFIX = "\n    if count == 0:\n        return nothing\n"


@pytest.mark.parametrize(
    ("text", "shown", "has_ended"),
    [
        ("    while count == 0:\n        return nothing", 0, True),
        ("    a = 1\n    while count == 0:\n        return nothing  ", 1, True),
        ("    a = 1\n    while count == 0:\n        retu", 1, False),
        ("    a = 1\n    while", 1, False),
        ("    a = 1\n        while", 2, False),
        ("    a = 1\nwhile count == 0:\n        return nothing", 3, False),
        ("    return count\n        return nothing", 2, False),
    ],
)
def test_a_line_like_the_suffixs_first_before_its_second_is_the_suffix(
    text: str, shown: int, has_ended: bool
) -> None:
    assert make_suffix_check(SUFFIX)(text.split("\n")) == (shown, has_ended)


@pytest.mark.parametrize("suffix", ["", "a = b\n", "a = b\n\n    return x\n"])
def test_a_suffix_that_is_too_short_is_in_no_answer(suffix: str) -> None:
    lines = ["a = c", "    return x", ""]
    assert make_suffix_check(suffix)(lines) == (3, False)


@pytest.mark.parametrize(
    ("line", "other", "similar"),
    [
        ("    if a == 0:", "    while a == 0:", True),
        ("    if a == 0:", "  if a == 0:", False),
        ("\tif a == 0:", "\tif a == 0:", True),
        ("    import os", "    return 2", False),
        ("", "", False),
    ],
)
def test_lines_are_alike_where_they_stand_equally_deep(
    line: str, other: str, similar: bool
) -> None:
    assert are_similar(line, other) is similar


@pytest.mark.parametrize(
    ("suffix", "kept"), [("x\n", "a\n"), ("", "a\n"), ("\nx\n", "a")], ids=["code", "", "blank"]
)
def test_the_line_end_before_an_end_is_the_suffixs_where_it_has_one(suffix: str, kept: str) -> None:
    chunks = chunked("a\n" * 5, 10)
    found = collect(until_lines_check(chunks, "same", check_repetition, suffix))
    assert (found.text, found.trimmed) == (kept, ("same",))
