"""Fences, introductions and explanations are no code, and are text where text belongs."""

import pytest

from holes import cases, check
from starcoder_cli.postprocess.prose import find_opening, is_sentence, may_be_sentence

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
    "a sentence and a bare fence": """
«Here is the code that you asked for:
```
¦x = 1
¦```
It sets x.
»""",
    "a few words and a fence": """
«Here is the code:
```python
¦x = 1
¦```
»""",
    "two short sentences and a fence": """
«Sure! Here's how:

**Updated code:**

```
¦x = 1
¦```
»""",
    "a fence alone": """
«```py
¦x = 1
¦```
»""",
}

GLUED = {
    "at the end": """
function f(x) {
«    return x + 1;
}¦```
»""",
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

TEXTS = [
    (
        "python",
        '\ndef f():\n«    """Give a number.\n\n    This is the number that everybody wants.\n'
        '    """\n    return 1\n»',
    ),
    ("python", "\n«# This is the number that everybody wants to have.\nx = 1\n»"),
    ("html", "\n<body>\n«  <p>\n    This is a small shop in the old town.\n  </p>\n»</body>\n"),
    ("shell", "\nusage() {\n«  cat <<EOF\nThis copies a folder to a server.\nEOF\n»}\n"),
    ("elixir", '\ndefmodule A do\n«  @moduledoc """\n  ```\n  a\n  ```\n  """\n»end\n'),
    ("yaml", "\na:\n«  b: |\n    This is a text of more than one line.\n    It goes on.\n»c: 1\n"),
    ("toml", "\n«a = '''\nThis is a text of more than one line.\n'''\n»b = 1\n"),
    ("javascript", "\n«const a = (\n  <p>\n    This is what a page says to you.\n  </p>\n);\n»"),
    ("ruby", "\n«puts <<~TEXT\n  This is what a page says to you.\nTEXT\n»"),
    ("markdown", "\n# A\n\n«This is what a page says to you.\n\n```\ncode\n```\n»"),
]


@cases(EXPLAINED)
def test_an_explanation_ends_an_answer(case: str) -> None:
    check(case, "python", "explanation")


@cases(INTRODUCED)
def test_an_introduction_is_left_out(case: str) -> None:
    check(case, "python", "fence")


@pytest.mark.parametrize(("language", "case"), TEXTS)
def test_sentences_and_fences_that_belong_to_code_stay(language: str, case: str) -> None:
    check(case, language)


def test_a_data_file_is_no_prose() -> None:
    """What follows a sentence and a fence is talk there, too."""
    check(
        "\nid,name\n«1,Ann\n¦\nTo find the name of each, you can use the following query:\n\n"
        "```sql\nSELECT 1;\n```\n»2,Bob\n",
        "text",
        "explanation",
        is_prose=False,
    )


@pytest.mark.parametrize("language", ["text"])
def test_a_sentence_that_stands_apart_in_a_data_file(language: str) -> None:
    """There is no parser that could say what it is."""
    case = "\nid,name\n«1,Ann\n¦\nThis line adds the name of a person.\n»2,Bob\n"
    check(case, language, "explanation", is_prose=False)
    check(case.replace("¦\nThis", "This"), language, is_prose=False)
    check(case.replace("¦", ""), language, is_prose=True)


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
        ("This " + "very " * 100 + "long one.", False),
    ],
)
def test_what_a_sentence_is(line: str, sentence: bool) -> None:
    assert is_sentence(line) == sentence


@pytest.mark.parametrize(
    ("start", "may"),
    [("", False), ("Th", True), ("This is", True), ("This[", False), ("total", False)],
)
def test_what_may_become_a_sentence(start: str, may: bool) -> None:
    assert may_be_sentence(start) == may


@pytest.mark.parametrize("start", ["String x =", "System.o", "Foo(", "x", "return", "Map<"])
def test_code_that_begins_with_a_capital_is_not_waited_for(start: str) -> None:
    assert find_opening(start, is_whole=False) == (None, "")


def test_an_introduction_ends_somewhere() -> None:
    """Or a long answer would be looked through for every piece of it."""
    sentence = "This is one of very many sentences.\n"
    assert find_opening(sentence * 10, is_whole=False) is None
    assert find_opening(sentence * 100, is_whole=False) == (None, "")


@cases(GLUED)
def test_a_fence_right_behind_code_ends_an_answer(case: str) -> None:
    check(case, "javascript", "fence")


@cases(TEMPLATES)
def test_backticks_that_belong_to_code_stay(case: str) -> None:
    check(case, "javascript")
