"""What of some code is not in new code: its definitions, its keys, what its functions do."""

import re

import pytest

from starcoder_cli.app.losses import find_lost_code
from starcoder_cli.languages import find_language

FUNCTIONS = {
    "python": ("def f(x):\n    return x\n", "def f(x):\n    '''Doc.'''\n    ...\n"),
    "javascript": (
        "const f = (x) => {\n  return x;\n};\n",
        "const f = (x) => {\n  // as it is\n};\n",
    ),
    "typescript": (
        "class A {\n  f(): void { g(); }\n}\n",
        "class A {\n  f(): void { /* */ }\n}\n",
    ),
    "java": ("class A { int f() { return 1; } }\n", "class A { int f() { /* yours */ } }\n"),
    "go": (
        "package a\nfunc f() int {\n\treturn 1\n}\n",
        "package a\nfunc f() int {\n\t// it\n}\n",
    ),
    "rust": ("fn f() -> i32 {\n    1\n}\n", "fn f() -> i32 {\n    // what was here\n}\n"),
    "c": ("int f(void)\n{\n\treturn 1;\n}\n", "int f(void)\n{\n\t/* what was here */\n}\n"),
    "ruby": ("def f\n  1\nend\n", "def f\n  # your code here\nend\n"),
    "shell": ("f() {\n  ls\n}\n", "f() {\n  # what f does\n}\n"),
    "kotlin": ("fun f() { g() }\n", "fun f() { /* g */ }\n"),
    "lua": ("function f()\n  return 1\nend\n", "function f()\n  -- what it did\nend\n"),
}
"""A function that does something, and one of its name that does not."""


def lost(before: str, after: str, language: str, instruction: str = "Make it quicker.") -> str:
    """What is lost on the way from some code to new code."""
    return find_lost_code(after, before, find_language(language), instruction)


@pytest.mark.parametrize("language", FUNCTIONS)
def test_what_a_function_does_is_not_lost(language: str) -> None:
    working, emptied = FUNCTIONS[language]
    assert lost(working, emptied, language) == "the answer lacks the code of 'f'"
    for before, after in ((working, working), (emptied, emptied), (emptied, working)):
        assert lost(before, after, language) == ""


@pytest.mark.parametrize("language", FUNCTIONS)
def test_another_function_with_the_same_keywords_is_not_the_old_ones(language: str) -> None:
    working = FUNCTIONS[language][0]
    old = "\n".join(re.sub(r"\bf\b", name, working) for name in ("left", "right", "middle"))
    for name in ("main", "z"):
        new = re.sub(r"\bf\b", name, re.sub(r"\bg\b", "h", working)).replace("1", "2")
        assert lost(old, new, language).startswith("the answer lacks "), name


def test_one_function_in_place_of_many() -> None:
    old = "".join(f"def f{number}(a):\n    return a + {number}\n\n\n" for number in range(30))
    assert lost(old, "def main():\n    print(1)\n", "python")
    assert lost(old, "def main():\n    x = 1\n    print(x)\n", "python")
    script = "".join(f"function {name}() {{ return 1; }}\n" for name in "abc")
    assert lost(script, "function z() {\n return 1;\n}\n", "javascript")
    assert not lost(script, script.replace("return 1", "return 2"), "javascript")


BODIES = {
    "python": (
        "def mean(values):\n    return sum(values) / len(values)\n\n\nprint(mean([1, 2]))\n",
        "if not values:\n    return 0\n",
    ),
    "go": (
        "package m\n\nfunc Mean(v []float64) float64 {\n\treturn sum(v) / float64(len(v))\n}\n",
        "if len(v) == 0 {\n\treturn 0\n}\nreturn sum(v) / float64(len(v))\n",
    ),
    "javascript": (
        "function mean(values) {\n  return sum(values) / values.length;\n}\n",
        "if (!values.length) {\n  return 0;\n}\n",
    ),
}
"""A function, and an answer that has only lines for its body."""


@pytest.mark.parametrize("language", BODIES)
def test_a_body_does_not_stand_for_its_function(language: str) -> None:
    function, body = BODIES[language]
    assert "ean', which the code defines" in lost(function, body, language, "Handle no values.")
    assert lost(function, body, language, "Inline mean.") == ""


def test_a_function_may_have_become_one_without_a_name() -> None:
    before = "app.get('/', count);\n\nfunction count(a, b) {\n  b.send(a.count);\n}\n"
    after = "app.get('/', function (a, b) {\n  b.send(a.count + 1);\n});\n"
    assert lost(before, after, "javascript") == ""


@pytest.mark.parametrize("language", ["markdown", "restructuredtext", "text", "tex"])
def test_a_document_is_not_one_of_its_lines(language: str) -> None:
    text = "Title\n\nText one.\n\n    x = 1\n\nSecond\n\nText two.\n"
    assert "none of the 5 lines" in lost(text, "x = 2\n", language, "Set x to 2.")
    assert not lost(text, "x = 2\n", language, "Rewrite it as one line.")
    assert not lost(text, text.replace("1", "2"), language, "Set x to 2.")


def test_what_is_to_be_taken_away_may_go() -> None:
    after = "def f():\n    return 1\n"
    before = f"{after}\n\ndef g():\n    return 2\n"
    stub = "def f():\n    pass\n\n\ndef g():\n    pass\n"
    assert lost(before, after, "python") == "the answer lacks 'g', which the code defines"
    assert lost(before, stub, "python") == "the answer lacks the code of 'f'"
    for words in ("Remove what is unused.", "Inline the second one.", "Delete dead code."):
        assert lost(before, after, "python", words) == ""
    assert lost(before, after, "python", "I do not need g.") == ""
    assert lost(before, stub, "python", "Make stubs of them.") == ""


@pytest.mark.parametrize(
    "after",
    [
        "from b import g\n\n\ndef f():\n    return g()\n",
        "g = int\n\n\ndef f():\n    return g()\n",
        "def f():\n    return g()\n\n\ndef g():\n    return 2\n",
    ],
)
def test_a_name_that_is_defined_otherwise_is_there(after: str) -> None:
    before = "def g():\n    return 1\n\n\ndef f():\n    return g()\n"
    assert lost(before, after, "python") == ""


def test_a_name_that_is_only_called_is_lost() -> None:
    before = "def g():\n    return 1\n\n\ndef f():\n    return g()\n"
    after = "def f():\n    return g() + 1\n"
    assert lost(before, after, "python") == "the answer lacks 'g', which the code defines"


@pytest.mark.parametrize(
    ("language", "before", "after"),
    [
        ("json", '{"a": 1, "b-c": {"d": 2}}\n', '{"a": 2, "b-c": {}}\n'),
        ("json", '{\n  "a": 1,\n  "d": 2\n}\n', '{\n  "a": 1\n}\n'),
        ("yaml", "a: 1\nb:\n  - d: 2\n    e: 3\n", "a: 1\nb:\n  - e: 3\n"),
        ("toml", "[a]\nb = 1\n[d]\ne = 2\n", "[a]\nb = 1\ne = 2\n"),
    ],
)
def test_a_key_is_not_lost(language: str, before: str, after: str) -> None:
    assert lost(before, after, language) == "the answer lacks 'd', which the code defines"
    assert lost(before, after, language, "Set a to 2; d is gone.") == ""
    assert lost(after, before, language) == ""


SCRIPT = "#!/bin/sh\nset -e\n" + "".join(
    f"step_{number} --input {number}\n" for number in range(40)
)


def test_an_excerpt_is_not_the_whole() -> None:
    excerpt = "step_9 --input 9\nstep_10 --input 10 --force\nstep_11 --input 11\n"
    problem = "the answer lacks 39 lines of the code, such as '#!/bin/sh'"
    assert lost(SCRIPT, excerpt, "shell") == problem
    assert lost(SCRIPT, excerpt, "shell", "Remove the colour of step 10.") == problem
    assert lost(SCRIPT, SCRIPT.partition("step_30")[0], "shell", "Remove the last ten.") == ""
    half = SCRIPT.partition("step_30")[0]
    assert lost(SCRIPT, half, "shell", "Use long options in all lines.").startswith("the answer")
    changed = SCRIPT.replace("--input 10", "--input 10 --force")
    assert lost(SCRIPT, changed, "shell") == ""


def test_a_comment_does_not_stand_for_code() -> None:
    before = "def f(x):\n    if not x:\n        raise E\n    g(x)\n    return h(x)\n"
    after = "def f(x, y):\n    # wie bisher\n    return h(x, y)\n"
    problem = "the answer leaves code out, where it says '# wie bisher'"
    assert lost(before, after, "python", "Add y.") == problem


@pytest.mark.parametrize(
    ("language", "line", "used"),
    [
        ("python", "import os", "os.getcwd()"),
        ("python", "from decimal import Decimal", "Decimal(1)"),
        ("java", "import java.util.List;", "List.of(1);"),
        ("rust", "use std::fs;", "fs::read(p);"),
        ("typescript", "import { a } from './b';", "a();"),
    ],
)
def test_an_import_that_is_needed_is_not_lost(language: str, line: str, used: str) -> None:
    before, after = f"{line}\n\n{used}\n", f"{used}\n{used}\n"
    assert lost(before, after, language) == f"the answer lacks {line!r}, which it needs"
    assert lost(before, "other();\n", language) == ""
    assert lost(before, f"{line}\n\n{after}", language) == ""
    name = line.rstrip(";").split()[-1]
    assert language != "python" or lost(before, f"{name} = x\n{after}", language) == ""


@pytest.mark.parametrize(
    "instruction", ["Use doubles in all functions.", "Remove unused imports.", "Strip all spaces."]
)
def test_functions_are_not_lost_to_what_is_done_to_something_else(instruction: str) -> None:
    before = "".join(f"def {name}(n):\n    return n + 1\n\n\n" for name in ("a", "b", "c", "d"))
    after = before.partition("def c")[0]
    told = lost(before, after, "python", instruction)
    assert told == "the answer lacks 'c', which the code defines"
    assert lost(before, after, "python", "Remove unused functions.") == ""


STACK = (
    "package main\n\ntype Stack struct{ items []int }\n\n"
    "func (s *Stack) Push(x int) {\n\ts.items = append(s.items, x)\n}\n\n"
    "func (s *Stack) Pop() int {\n\tx := s.items[0]\n\ts.items = s.items[1:]\n\treturn x\n}\n"
)
POP = (
    "func (s *Stack) Pop() (int, error) {\n\tif len(s.items) == 0 {\n\t\treturn 0, err\n\t}\n"
    "\tx := s.items[0]\n\ts.items = s.items[1:]\n\treturn x, nil\n}\n"
)


@pytest.mark.parametrize(
    "instruction",
    [
        "Pop should return an error if there is no item.",
        "Pop should return an error if the stack is empty.",
        "Remove the panic in Pop.",
        "Call Push in remove_item too.",
        "Simplify Pop.",
    ],
)
def test_a_word_in_an_instruction_does_not_let_the_rest_go(instruction: str) -> None:
    problem = lost(STACK, POP, "go", instruction)
    assert problem.startswith("the answer lacks ")


@pytest.mark.parametrize(
    ("language", "before", "after", "instruction"),
    [
        (
            "python",
            "import json\nimport time\n\n\ndef f(r):\n    return r.json()['time']\n",
            "def f(r):\n    return r.json()['time']\n",
            "Remove the unused imports.",
        ),
        (
            "python",
            "import json\nimport urllib.request\n\n\ndef f(u):\n"
            "    return json.load(urllib.request.urlopen(u))\n",
            "import requests\n\n\ndef f(u):\n    return requests.get(u).json()\n",
            "Use requests.",
        ),
        (
            "python",
            "class P:\n    def __init__(self, name, age=0):\n        self.name = name\n"
            "        self.age = age\n",
            "from dataclasses import dataclass\n\n\n@dataclass\nclass P:\n    name: str\n"
            "    age: int = 0\n",
            "Make it a dataclass.",
        ),
        (
            "python",
            "def by_age(p):\n    return p.age\n\n\ndef f(ps):\n    return sorted(ps, key=by_age)\n",
            "from operator import attrgetter\n\n\ndef f(ps):\n"
            '    return sorted(ps, key=attrgetter("age"))\n',
            "Let sorted use attrgetter.",
        ),
        (
            "python",
            "# Licensed under A.\n# You may not use this\n# but as A says.\n# See A.\nx = 1\n",
            "# SPDX-License-Identifier: A\nx = 1\n",
            "Replace the licence text by an SPDX line.",
        ),
        (
            "python",
            "def f(x):\n    if x is None:\n        return 0\n    return x\n",
            "def f(x):\n    # None counts as zero.\n    return x or 0\n",
            "Write it in one line.",
        ),
    ],
)
def test_code_that_is_written_anew_is_whole(
    language: str, before: str, after: str, instruction: str
) -> None:
    assert lost(before, after, language, instruction) == ""


def test_the_name_of_what_is_to_change_does_not_let_it_go() -> None:
    before = (
        "def parse(t):\n    rows = []\n    for x in t:\n        rows.append(x)\n    return rows\n"
    )
    after = "for x in t:\n    if x:\n        rows.add(x)\n"
    problem = lost(before, after, "python", "Skip what is empty in parse.")
    assert problem == "the answer lacks 'parse', which the code defines"
