"""What is wrong with a file that parses."""

import warnings

import pytest

from starcoder_cli.candidates.flaws import MAX_CHECKED_CHARACTERS, UNREACHABLE_FLAW, find_flaws


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("def f(a):\n    return a + b\n", ["undefined name 'b'"]),
        (
            "def f():\n    a = 1\n",
            ["local variable 'a' is assigned to but never used"],
        ),
        ("def f(a, b):\n    return a\n", ["parameter 'b' is never used"]),
        ("def f(self, cls, _b, *_, **__):\n    pass\n", []),
        ("def f(a):\n    return locals()\n", []),
        ("def f(a):\n    def g():\n        return a\n    return g\n", []),
        ("def f():\n    return 1\n    return 2\n", [UNREACHABLE_FLAW]),
        ("import os\nfrom a import *\nprint(f'1', b)\n", []),
        ("print('%s %s' % (1,))\n", ["'...' % ... has 2 placeholder(s) but 1 substitution(s)"]),
        ("break\n", ["'break' outside loop"]),
        (
            "a = '\\d'\nb = 1 is 1\n",
            ["use ==/!= to compare constant literals (str, bytes, int, float, tuple)"],
        ),
        ("def f(a):\n    b = f(a)\n    return b + 1\n", ["'f' calls itself without end"]),
        ("def f(a):\n    return 1 + f(a)\n", ["'f' calls itself without end"]),
        ("def f(a):\n    return a and f(a - 1)\n", []),
        ("def f(a):\n    if a:\n        return f(a - 1)\n    return a\n", []),
        (
            "def f(a):\n    def g():\n        return a\n    g()\n    f(a)\n",
            ["'f' calls itself without end"],
        ),
        ("def f(a):\n    def f(a):\n        return a\n    return f(a)\n", []),
        (
            "def f(a):\n    def g():\n        return a\n    return a\n",
            ["local function 'g' is never used"],
        ),
        ("def f(a):\n    @a.on\n    def g():\n        return a\n", []),
        ("def f(a):\n    def _g():\n        return a\n    return a\n", []),
        ("def f(a):\n    return a\n    f(a)\n", [UNREACHABLE_FLAW]),
        ("def f(a):\n    return lambda: f(a)\n", []),
        ("def f(a):\n    return [f(b) for b in a]\n", []),
        ("class A:\n    def open(self, a):\n        return open(a)\n", []),
        ("def f(:\n    return b\n", []),
        ("a = b\0\n", []),
        ("x = " + "(" * 5000 + ")" * 5000, []),
        ("x = " + "-" * 20000 + "y", []),
        ("y\n" * (MAX_CHECKED_CHARACTERS // 2 + 1), []),
    ],
)
def test_flaws_of_a_program(text: str, found: list[str]) -> None:
    """Imports that nobody uses and doubtful literals are none."""
    with warnings.catch_warnings(record=True) as warned:
        assert list(find_flaws(text, "python")) == found
    assert not warned


def test_in_other_languages_only_what_is_never_reached_is_a_flaw() -> None:
    assert find_flaws("int f() { return a; b; }", "c") == (UNREACHABLE_FLAW,)
    assert find_flaws("return a; b", "text") == ()
