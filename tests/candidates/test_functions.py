"""Which functions there are in a text, and which of them do something."""

import pytest

from starcoder_cli.candidates.functions import find_functions


@pytest.mark.parametrize(
    ("language", "text", "functions"),
    [
        (
            "python",
            "def f():\n    # nothing\n    ...\n\nclass A:\n    def g(self): f()\n",
            "f- A.g+",
        ),
        ("javascript", "const f = x => x\nclass A { g() { } h() { f() } }\n", "f+ A.g- A.h+"),
        ("java", "class A { A() { f(); } int f() { /* nothing */ } }\n", "A.A+ A.f-"),
        (
            "cpp",
            "int f();\nint f() { return 1; }\nint A::g() { }\nint h() const;\n",
            "f+ A.g-",
        ),
        ("ruby", "def f\n  # nothing\nend\n\ndef self.g\n  1\nend\n", "f- g+"),
        ("kotlin", "fun f() = 1\nfun g() { /* nothing */ }\nfun h() { f() }\n", "f+ g- h+"),
        (
            "go",
            "package a\nfunc f() {\n\t// nothing\n}\nfunc (a A) g() { f() }\n",
            "f- A.g+",
        ),
        ("text", "def f():\n    return 1\n", ""),
        ("python", "", ""),
    ],
)
def test_functions_and_whether_they_do_something(language: str, text: str, functions: str) -> None:
    assert list_functions(text, language) == functions


def list_functions(text: str, language: str) -> str:
    """The functions of a text, each with a mark whether it does something."""
    return " ".join(
        f"{each.owner}{'.' if each.owner else ''}{each.name}{'+' if each.is_working else '-'}"
        for each in find_functions(text, language)
    )


@pytest.mark.parametrize(
    ("language", "text", "functions"),
    [
        ("java", "class A { int f(int x) { g(); } int f(double x) { g(); } }\n", "A.f+ A.f+"),
        ("java", "class A { Runnable f = () -> { g(); }; }\n", "A.f+"),
        ("python", "class A:\n  @x.setter\n  def x(self): f()\n  y = lambda: 1\n", "A.x+ A.y+"),
        ("python", "if a == 'b':\n  def f(): g(key=lambda: 1)\n", "f+"),
        (
            "typescript",
            "class A { get x() { f() } set x(v) { f() } y = () => f() }\n",
            "A.x+ " * 2 + "A.y+",
        ),
        ("typescript", "function f(a: A): A;\nfunction f(a: B) { g(() => a) }\n", "f- f+"),
        ("typescript", "const F: (a: A) => B = (a) => <p>{a}</p>\n", "F+"),
        (
            "javascript",
            "exports.f = function () { g() }; A.prototype.h = () => g()\n",
            "exports.f+ prototype.h+",
        ),
        (
            "javascript",
            "const a = { f: (x) => x, 'g': function () { h() }, i() { h() } }\n",
            "f+ g+ i+",
        ),
        ("go", "package a\nfunc (s *S[T]) f() { g() }\nvar h = func() { g() }\n", "S.f+ h+"),
        ("c", "TEST(f)\n{\n  g();\n}\n#ifdef A\nint *h(void) { g(); }\n#endif\n", "f+ h+"),
        ("cpp", "class A { ~A() { f(); } };\nA::A() : x(1) { f(); }\n", "A.~A+ A.A+"),
        (
            "c-sharp",
            "class A { int X { get => 1; set { f(); } } int Y => 1; int this[int i] => 1; }\n",
            "A.X- A.set- A.Y- A.this-",
        ),
        (
            "kotlin",
            "fun <T> List<T>.f() = 1\nval x: Int\n  get() = 1\nval y = { 1 }\n",
            "List.f+ x- y-",
        ),
        ("kotlin", "class A {\n  constructor(x: Int) {\n    f()\n  }\n}\n", "A.constructor-"),
        ("scala", "object A { def f(x: Int) = 1; val g = (x: Int) => x }\n", "A.f+ A.g-"),
        (
            "swift",
            "extension A {\n  init() { f() }\n  var x: Int { return 1 }\n}\n",
            "A.init+ A.x-",
        ),
        ("rust", "impl A { fn f() { h() } }\nimpl I for B { fn f() { h() } }\n", "A.f+ B.f+"),
        ("ruby", "class A\n  def x=(v)\n    @x = v\n  end\nend\n", "A.x+"),
        (
            "javascript",
            "a(() => 1, { f: () => 1 });\na({ b: { g: () => 1 } })\n",
            "g+",
        ),
        ("ruby", "a(f: ->(x) { x })\ng = ->(x) { x }\n", "g+"),
        ("php", "<?php class A { function f() { g(); } }\n$h = fn($x) => $x;\n", "A.f+ $h+"),
        ("lua", "function M.f() g() end\nM.h = function() g() end\n", "M.f+ M.h+"),
        ("haskell", "f 0 = 1\nf n = n\n", "f- f-"),
        ("erlang", "f(0) -> 1;\nf(N) -> N.\n", "f+ f+"),
        ("r", "f <- function(x) x\n", "f+"),
        ("dart", "class A { A.b() { f(); } set g(int x) { f(); } }\n", "A.A- A.g-"),
    ],
)
def test_each_function_counts_with_what_it_belongs_to(
    language: str, text: str, functions: str
) -> None:
    assert list_functions(text, language) == functions
