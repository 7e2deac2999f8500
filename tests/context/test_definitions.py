"""Which names a text defines, and what of a definition is read."""

import pytest

from growth import HOSTILE_UNITS, grows_linearly
from starcoder_cli.context.definitions import (
    LANGUAGE_PATTERNS,
    excerpt_definition,
    find_definitions,
    find_end_line,
    outline_file,
)
from starcoder_cli.context.snippets import ContextSnippet
from starcoder_cli.languages import languages_by_name

PYTHON = '''\
"""A module."""

import os

LIMIT: int = 3
lower = 1


# What it is for.
@decorated
async def first(
    one: int,
) -> int:
    """Says what."""
    return one


class Second:
    """A class."""

    def method(self) -> None:
        def inner() -> None: ...

print(first(1))
'''


def names(text: str, language: str) -> list[str]:
    """The names that a text defines."""
    return [definition.name for definition in find_definitions(text, language)]


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("python", PYTHON, ["LIMIT", "first", "Second", "method", "inner"]),
        (
            "typescript",
            "export default class A<T> {\n  async load(id: string): Promise<T> {\n    if (x) {\n"
            "export interface B {}\nexport type C = 1;\nexport const d = async (x) => x;\n"
            "const e = 1;\nfunction* f() {}\nconst enum G {}\ndeclare module H {}\n",
            ["A", "load", "B", "C", "d", "f", "G", "H"],
        ),
        (
            "go",
            "func New(x int) *T {\nfunc (t *T) Add(y int) {\ntype T struct {\nvar ErrGone = 1\n",
            ["New", "Add", "T", "ErrGone"],
        ),
        (
            "rust",
            "pub(crate) async fn a() {}\npub struct B;\nimpl B {\n    const C: u8 = 1;\n"
            "macro_rules! d {\npub trait E {}\nstatic mut F: u8 = 1;\n",
            ["a", "B", "C", "d", "E", "F"],
        ),
        (
            "java",
            "public final class A {\n    private static List<String> b(int c) throws D {\n"
            "        return e(c);\n        if (c) {\n    public A() {\n    record F(int x) {}\n",
            ["A", "b", "A", "F"],
        ),
        (
            "c",
            "#define LIMIT 3\nstatic int add(int a, int b)\n{\n    return a;\n}\n"
            "struct ring *ring_new(void);\ntypedef struct ring ring_t;\nint x = f(1);\n"
            "struct pair {\n  int a;\n};\n",
            ["LIMIT", "add", "ring", "ring_new", "ring", "ring_t", "pair"],
        ),
        ("ruby", "module A\n  class B < C\n    def self.d\n    E = 1\nTOP = 1\n", [*"ABd", "TOP"]),
        ("shell", "greet() {\nfunction leave {\nx=1\n", ["greet", "leave"]),
        ("kotlin", "data class A(val b: Int)\noverride fun c() = 1\n", ["A", "c"]),
        ("swift", "public func a() {}\nprotocol B {}\n", ["a", "B"]),
        ("php", "abstract class A {\n  public static function b() {\n", ["A", "b"]),
        ("elixir", "defmodule A do\n  defp b(c) do\n", ["A", "b"]),
        ("python", "two = lambda x: x\nA.f = lambda: 1\nx = 1\n", ["two", "f"]),
        ("ruby", "two = ->(x) { x }\ndef self.f\n", ["two", "f"]),
        (
            "javascript",
            "exports.f = function () {\nA.b.g = async (x) => {\n  h: x => x,\ni.on(j, () => {\n"
            "  k(() => {\n  l('m', function () {\nget n() {\nconst o = { p: 1 };\n",
            ["f", "g", "h", "n"],
        ),
        ("c-sharp", "  int F(int x) {\n    foreach (var y in z) {\n    using (a) {\n", ["F"]),
        ("lua", "function M.f(x)\nfunction M:g(x)\nlocal function h()\n", ["f", "g", "h"]),
        ("scala", "def f:Int = 1\n", ["f"]),
        ("kotlin", "fun String.f() = 1\n", ["f"]),
        ("clojure", "(defn f [x] x)\n(def y 1)\n(f 1)\n", ["f", "y"]),
        ("scheme", "(define (f x) x)\n", ["f"]),
        ("f-sharp", "let rec f x = x\nlet y = 1\n  member this.g(x) = x\n", ["f", "g"]),
        ("julia", "f(x::Int) = x\nf(1) == 2\nfunction Base.show(io)\n", ["f", "show"]),
        ("fortran", "subroutine f(x)\nend subroutine\n", ["f"]),
        (
            "sql",
            "CREATE OR REPLACE FUNCTION a.f(x int)\ncreate table if not exists t (\nSELECT 1;\n",
            ["f", "t"],
        ),
        ("text", "the type of things\ntype of things", ["of"]),
    ],
)
def test_names_that_are_defined(language: str, text: str, found: list[str]) -> None:
    assert names(text, language) == found


def test_every_row_belongs_to_a_language() -> None:
    assert LANGUAGE_PATTERNS.keys() <= languages_by_name().keys()


def snippet(text: str, name: str, language: str = "python") -> ContextSnippet:
    """The definition of a name."""
    found = find_definitions(text, language)
    line = next(each.line for each in found if each.name == name)
    return excerpt_definition("a", text, line, frozenset(each.line for each in found))


def test_a_short_definition_is_whole_with_what_stands_right_above_it() -> None:
    lines = PYTHON.split("\n")
    assert snippet(PYTHON, "first") == ContextSnippet("a", "\n".join(lines[8:15]), 9, 15)
    assert snippet(PYTHON, "LIMIT") == ContextSnippet("a", "LIMIT: int = 3", 5, 5)
    assert snippet(PYTHON, "Second") == ContextSnippet("a", "\n".join(lines[17:22]), 18, 22)


def test_of_a_long_definition_its_beginning_and_its_members() -> None:
    body = "".join(f"        step({number})\n" for number in range(9))
    text = f"class Long:\n    def one(self):\n{body}\n    def two(self):\n{body}"
    assert snippet(text, "Long") == ContextSnippet(
        "a",
        "class Long:\n    def one(self):\n        step(0)\n        step(1)\n        step(2)\n"
        "        step(3)\n        step(4)\n        step(5)\n        ...\n    def two(self):\n"
        "        ...",
        1,
        13,
    )


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("int f(void)\n{\n  return 1;\n}\nint g;\n", 4),
        ("func f(\n\ta int,\n) {\n\treturn\n}\nvar x\n", 5),
        ("def f\n  1\nend\ndef g\nend", 3),
        ("class A {\n}\nclass B {\n}", 2),
        ("const f = (x) => {\n  y()\n}\nz()", 3),
        ("type A = B\ntype C = D", 1),
        ("def f():\n    return 1\n\n\nx = 1", 2),
        ("def f():", 1),
    ],
)
def test_where_a_definition_ends(text: str, lines: int) -> None:
    assert find_end_line(text.split("\n"), 0) == lines


def test_an_outline_is_the_lines_that_begin_definitions() -> None:
    assert outline_file("a", PYTHON, "python") == ContextSnippet(
        "a",
        "LIMIT: int = 3\n...\nasync def first(\n    ...\nclass Second:\n    ...\n"
        "    def method(self) -> None:\n        def inner() -> None: ...",
        5,
        22,
    )
    assert outline_file("a", "x = 1\n", "python") is None


@pytest.mark.parametrize("language", ["c", "typescript", "java", "rust", "python"])
def test_a_scan_takes_no_longer_than_its_text(language: str) -> None:
    """No pattern goes back over what it has read: these would take hours if one did."""
    for line in ("a " * 490, "a*" * 490, "export " * 140, "x(" * 490, "pub(" * 240, "  " * 490):
        assert find_definitions(f"{line}\n" * 20, language) == ()


HEADS = (
    *(
        "",
        " ",
        " f(",
        " f()",
        "int f(",
        "def ",
        "public ",
        "pub(",
        "func (",
        "typedef ",
        "#define ",
    ),
    *("create ", "let a ", "(def", "exports.a", "a = "),
    *("const x", "var x:", "let x = async ", "let x = ", "ABC", "class a", "f("),
)


@pytest.mark.parametrize(
    "language",
    [
        *("python", "javascript", "java", "c", "go", "rust", "shell"),
        *("clojure", "f-sharp", "julia", "sql"),
    ],
)
def test_a_long_line_takes_time_in_proportion(language: str) -> None:
    slow = [
        (head, unit)
        for head in HEADS
        for unit in HOSTILE_UNITS
        if not grows_linearly(lambda text: find_definitions(text, language), head, unit)
    ]
    assert slow == []
