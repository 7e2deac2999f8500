"""Fences, introductions and explanations are no code."""

import pytest

from holes import cases, check
from starcoder_cli.postprocess.prose import is_sentence

EXPLAINED = {
    "behind the code": """
def f(x):
«    return x + 1
¦This function adds one to its argument.
»""",
    "under a heading": """
«x = 1
¦
Explanation:
We set x.
»""",
}

INTRODUCED = {
    "a sentence and a fence": """
«Here is the completed code for you:

```python
¦x = 1
¦```
»""",
}

GLUED = {
    "at the end": """
function f(x) {
«    return x + 1;
}¦```»""",
    "before talk": """
function f(x) {
«    return x + 1;
}¦```
It adds one.
»""",
}

TEMPLATES = {
    "an empty template": """
«const empty = tag``;
const other = ``
»""",
    "a fence in a template": """
«const text = `
  code```
`;
»""",
    "in a comment": """
«// use ``` for a fence
const a = 1;
»""",
}

CODE = {
    "sentences in a text of several lines": """
def f():
«    \"\"\"Give a number.

    This is the number that everybody wants to have.
    \"\"\"
    return 1
»""",
    "a comment": """
«# This is the number that everybody wants to have.
x = 1
»""",
}


@cases(EXPLAINED)
def test_an_explanation_ends_an_answer(case: str) -> None:
    check(case, "python", "explanation")


@cases(INTRODUCED)
def test_an_introduction_is_left_out(case: str) -> None:
    check(case, "python", "fence")


@cases(CODE)
def test_sentences_that_belong_to_code_stay(case: str) -> None:
    check(case, "python")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("This code checks if a number is prime.", True),
        ("Note that the list is sorted first:", True),
        ("**Explanation:**", True),
        ("In = 3", False),
        ("The(x, y, z, a, b).", False),
        ("To be", False),
        ("If x == 1 then the result is 2.", False),
        ("SELECT name FROM people WHERE age > 3.", False),
    ],
)
def test_what_a_sentence_is(line: str, sentence: bool) -> None:
    assert is_sentence(line) == sentence


@cases(GLUED)
def test_a_fence_right_behind_code_ends_an_answer(case: str) -> None:
    check(case, "javascript", "fence")


@cases(TEMPLATES)
def test_backticks_that_belong_to_code_stay(case: str) -> None:
    check(case, "javascript")
