"""What stands around a range is not put into it a second time."""

import pytest

from starcoder_cli.app.repeated_scope import find_repeated_head
from starcoder_cli.files.source import Source, Span
from starcoder_cli.languages import find_language

STACK = """class Stack:
    def push(self, x):
        self.x.append(x)

    def pop(self):
        return self.x.pop()
"""
CASES = {
    "python": (STACK, "    def pop(self):\n        return self.x.pop()\n", STACK, "class Stack:"),
    "java": (
        "class A {\n  int f() {\n    return 1;\n  }\n}\n",
        "  int f() {\n    return 1;\n  }\n",
        "class A {\n  int f() {\n    return 2;\n  }\n}\n",
        "class A {",
    ),
    "go": (
        "package a\n\nfunc F() int {\n\tx := 1\n\treturn x\n}\n",
        "\tx := 1\n\treturn x\n",
        "\tfunc F() int {\n\t\treturn 1\n\t}\n",
        "func F() int {",
    ),
    "toml": ("[a]\nx = 1\ny = 2\n", "x = 1\n", "[a]\nx = 2\n", "[a]"),
    "yaml": ("web:\n  a: 1\n  b: 2\n", "  a: 1\n", "  web:\n    a: 2\n", "web:"),
}


@pytest.mark.parametrize("language", CASES)
def test_a_definition_around_the_range_is_found_again(language: str) -> None:
    text, part, answer, head = CASES[language]
    source, start = Source("a", text), text.index(part)
    span = Span(start, start + len(part))
    assert find_repeated_head(answer, source, span, find_language(language)) == head
    assert find_repeated_head(part, source, span, find_language(language)) == ""


def test_another_part_of_a_configuration_may_have_the_same_keys() -> None:
    text = "steps:\n  - run: |\n      a\n"
    source, span = Source("a.yml", text), Span(text.index("      a"), len(text))
    answer = "      b\n  - uses: c\n  - run: |\n      d\n"
    assert find_repeated_head(answer, source, span, find_language("yaml")) == ""


@pytest.mark.parametrize(
    ("text", "part", "answer"),
    [
        (STACK, STACK, STACK),
        ("if a:\n    b()\n", "    b()\n", "    if a:\n        c()\n"),
        ("def f():\n    a\n\n\ndef g():\n    b\n", "def g():\n    b\n", "def f():\n    a\n"),
        (STACK, "    def pop(self):\n", "    def push(self, x):\n"),
    ],
)
def test_other_lines_may_come_again(text: str, part: str, answer: str) -> None:
    span = Span(text.index(part), text.index(part) + len(part))
    assert find_repeated_head(answer, Source("a", text), span, find_language("python")) == ""
