"""Which functions there are in a text, and which of them do something."""

import pytest

from starcoder_cli.candidates.functions import find_functions


@pytest.mark.parametrize(
    ("language", "text", "functions"),
    [
        ("python", "def f():\n    # nothing\n    ...\n\nclass A:\n    def g(self): f()\n", "f- g+"),
        ("javascript", "const f = x => x\nclass A { g() { } h() { f() } }\n", "f+ g- h+"),
        ("java", "class A { A() { f(); } int f() { /* nothing */ } }\n", "A+ f-"),
        ("cpp", "int f();\nint f() { return 1; }\nint A::g() { }\nint h() const;\n", "f+ A::g-"),
        ("ruby", "def f\n  # nothing\nend\n\ndef self.g\n  1\nend\n", "f- g+"),
        ("kotlin", "fun f() = 1\nfun g() { /* nothing */ }\nfun h() { f() }\n", "f+ g- h+"),
        ("go", "package a\nfunc f() {\n\t// nothing\n}\nfunc (a A) g() { f() }\n", "f- g+"),
        ("text", "def f():\n    return 1\n", ""),
        ("python", "", ""),
    ],
)
def test_functions_and_whether_they_do_something(language: str, text: str, functions: str) -> None:
    found = find_functions(text, language)
    marks = [f"{name}{'+' if is_working else '-'}" for name, is_working in found.items()]
    assert " ".join(marks) == functions
