"""What parsers have against a file, by the number of places."""

import pytest

from starcoder_cli import languages
from starcoder_cli.candidates.syntax import (
    GRAMMARS,
    count_syntax_errors,
    count_unreachable,
    find_body_ranges,
    find_grammars,
    is_unreachable,
)

SOUND = {
    "c": "int add(int a, int b) { return a + b; }\n",
    "c-sharp": "class A { int Add(int a, int b) => a + b; }\n",
    "cpp": "template <class T> T add(T a, T b) { return a + b; }\n",
    "css": "a { color: red }\n",
    "elixir": "defmodule A do\n  def add(a, b), do: a + b\nend\n",
    "go": "package a\n\nfunc Add(a, b int) int { return a + b }\n",
    "haskell": "add :: Int -> Int\nadd a = a + 1\n",
    "html": "<p>add</p>\n",
    "java": "class A { int add(int a, int b) { return a + b; } }\n",
    "javascript": "const add = (a, b) => a + b;\n",
    "kotlin": "fun add(a: Int, b: Int): Int = a + b\n",
    "lua": "function add(a, b)\n  return a + b\nend\n",
    "makefile": "all:\n\techo\n",
    "ocaml": "let add a b = a + b\n",
    "perl": "sub add { return $_[0] + $_[1]; }\n",
    "protocol-buffer": 'syntax = "proto3";\nmessage A { int32 b = 1; }\n',
    "r": "add <- function(a, b) a + b\n",
    "scala": "def add(a: Int, b: Int): Int = a + b\n",
    "json": '{"add": [1, 2]}\n',
    "php": "<?php function add($a, $b) { return $a + $b; }\n",
    "python": "def add(a, b):\n    return a + b\n",
    "ruby": "def add(a, b)\n  a + b\nend\n",
    "rust": "fn add(a: i32, b: i32) -> i32 { a + b }\n",
    "shell": 'add() { echo "$(($1 + $2))"; }\n',
    "typescript": "const add = (a: number, b: number): number => a + b;\n",
}


@pytest.mark.parametrize("language", SOUND)
def test_sound_files_have_no_errors_and_broken_ones_have(language: str) -> None:
    assert languages.find_language(language).name == language
    assert count_syntax_errors(SOUND[language], language) == 0
    assert count_syntax_errors(SOUND[language] + ("<" if language == "html" else "({["), language)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("c", "class A { public: int b() { return 1; } };\n"),
        ("typescript", "const a = <p>{b}</p>;\n"),
        ("typescript", "const a = <string>b;\n"),
    ],
)
def test_the_dialect_that_fits_counts(language: str, text: str) -> None:
    assert count_syntax_errors(text, language) == 0


@pytest.mark.parametrize("language", GRAMMARS)
def test_the_table_names_languages_and_grammars(language: str) -> None:
    assert languages.find_language(language).name == language
    assert len(find_grammars(language)) == len(GRAMMARS[language])


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("ruby", "class A\n  def f\n    1\n  end\nend\nend\n"),
        ("shell", "if a; then\n  b\nfi\nfi\n"),
        ("shell", "for a in b; do\n  c\ndone\ndone\n"),
    ],
)
def test_a_word_that_closes_nothing_is_an_error(language: str, text: str) -> None:
    """To the grammar it is a name."""
    whole = text.rpartition("\n")[0].rpartition("\n")[0] + "\n"
    assert count_syntax_errors(whole, language) == 0 < (count_syntax_errors(text, language) or 0)


def test_a_word_in_a_text_closes_nothing() -> None:
    assert count_syntax_errors("cat <<A\nfi\nend\nA\necho done\n", "shell") == 0


def test_what_stands_right_behind_a_jump() -> None:
    text = "def f():\n    return 1\n    # then\n    g(\n        h)\n"
    places = {word: text.index(word) for word in ("return", "g(", "h)")}
    assert {word: is_unreachable(text, at, "python") for word, at in places.items()} == {
        "return": False,
        "g(": True,
        "h)": True,
    }


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("python", "def f(x):\n    return x\n    # @\n"),
        ("python", "def f():\n    return\n    yield  # @\n"),
        ("javascript", "function f(x) {\n  return x;\n  // @\n}\n"),
        ("javascript", "function f() {\n  return g;\n  // @\n  function g() {}\n}\n"),
        ("java", "class A {\n  int f() {\n    return 1;\n    /* @ */\n  }\n}\n"),
        ("rust", "fn f() -> i32 {\n    return 1;\n    fn g() { /* @ */ }\n}\n"),
        ("c-sharp", "class A {\n  int F() {\n    return 1;\n    int G() { return '@'; }\n  }\n}\n"),
    ],
)
def test_what_nobody_has_to_reach(language: str, text: str) -> None:
    assert not is_unreachable(text, text.index("@"), language)
    assert not count_unreachable(text, language)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("python", "def f(x):\n    return x\n    # @\n    g()\n"),
        ("javascript", "function f(x) {\n  return x;\n  // @\n  g();\n}\n"),
    ],
)
def test_a_comment_before_what_is_not_reached(language: str, text: str) -> None:
    assert is_unreachable(text, text.index("@"), language)


def test_what_is_missing_is_an_error() -> None:
    assert count_syntax_errors("int f() { return (1; }\n", "c") == 1


@pytest.mark.parametrize(
    "text",
    [
        "if a:\n        b\n    else:\n        c\n",
        "def f():\n    a\n  b\n",
        "return = 1\n",
        "f(a=1, 2)\n",
    ],
)
def test_python_has_a_word_on_python(text: str) -> None:
    """What tree-sitter makes sense of need not be a program."""
    assert count_syntax_errors(text, "python")


def test_a_language_without_a_grammar_is_not_judged() -> None:
    assert count_syntax_errors("anything ((", "sql") is None


def test_text_that_is_not_utf8_can_be_judged() -> None:
    assert count_syntax_errors("# caf\udce9\nx = '\udcff'\n", "python") == 0


@pytest.mark.parametrize(
    ("language", "found"),
    {
        "c": ["return a + b;"],
        "c-sharp": ["=> a + b"],
        "cpp": ["return a + b;"],
        "css": [],
        "go": ["return a + b"],
        "java": ["return a + b;"],
        "javascript": ["a + b"],
        "php": ["return $a + $b;"],
        "python": ["return a + b"],
        "ruby": ["a + b"],
        "rust": ["a + b"],
        "typescript": ["a + b"],
        "text": [],
    }.items(),
)
def test_the_bodies_of_functions(language: str, found: list[str]) -> None:
    text = SOUND.get(language, "")
    assert [text[start:end].strip() for start, end in find_body_ranges(text, language)] == found


def test_a_body_inside_another_and_places_in_characters() -> None:
    text = "# äöü\ndef f():\n    def g():\n        return 'ü'\n    return g\n"
    assert sorted(text[start:end] for start, end in find_body_ranges(text, "python")) == [
        "def g():\n        return 'ü'\n    return g",
        "return 'ü'",
    ]
    assert find_body_ranges("def f(:\n    return (\n", "python") == []


@pytest.mark.parametrize(
    ("language", "stranded", "reached"),
    [
        ("c", "int f(int a) { return a; a++; }", "int f() { goto e; return 1; e: return 2; }"),
        ("c-sharp", "class A { int F() { throw e; g(); } }", "class A { int F() { return 1; } }"),
        ("cpp", "int f() { for (;;) { break; g(); } }", "int f() { if (a) return 1; return 2; }"),
        ("go", "func F() {\n\treturn\n\tg()\n}\n", "func F() {\n\tg()\n\treturn\n}\n"),
        (
            "java",
            "class A { int f() { return 1; g(); } }",
            "class A { int f() { return 1; // a\n } }",
        ),
        ("javascript", "() => { return a; b() }", "() => { return a(); function a() {} }"),
        (
            "php",
            "<?php function f() { return 1; g(); }",
            "<?php function f() { if (a) return; g(); }",
        ),
        (
            "python",
            "def f():\n  raise a\n  g()\n",
            "def f():\n  try:\n    return 1\n  finally: g()\n",
        ),
        ("ruby", "def f\n  return 1\n  g\nend\n", "def f\n  return 1 if a\n  g\nend\n"),
        ("rust", "fn f() -> i32 { return 1; 2 }", "fn f() -> i32 { if a { return 1; } 2 }"),
        ("typescript", "() => { throw a; b() }", "switch (a) { case 1: return; case 2: b() }"),
        ("text", "", "return; a"),
    ],
)
def test_what_stands_behind_a_return_is_never_reached(
    language: str, stranded: str, reached: str
) -> None:
    assert count_unreachable(stranded, language) == bool(stranded)
    assert count_unreachable(reached, language) == 0
