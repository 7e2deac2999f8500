"""What is code in a text, in languages that have little in common."""

import pytest

from starcoder_cli import languages
from starcoder_cli.postprocess.lexical import (
    count_unpaired_brackets,
    ends_in_code,
    find_keywords,
    kind_behind,
)


@pytest.mark.parametrize(
    ("language", "text", "kind"),
    [
        ("python", "x = 1\n", "code"),
        ("python", 'x = "a', "string"),
        ("python", 'def f():\n    """Do\n', "string"),
        ("python", "x = 1  # one", "comment"),
        ("c", "int a; /* the\n", "comment"),
        *((name, "/** The\n * ", "comment") for name in ("css", "go", "java", "javascript")),
        ("rust", "fn f<'a>(", "code"),
        ("haskell", "f' x = ", "code"),
        ("html", "<p>\n", "text"),
        ("shell", "if [ ", "code"),
        ("makefile", "CC = ", "code"),
        ("dockerfile", "RUN ", "code"),
        ("r", "x <- ", "code"),
        ("prolog", "f(X) :- ", "code"),
        ("c", "#define ANSWER ", "code"),
        ("text", "a,b\n", "code"),
    ],
)
def test_what_follows_a_text(language: str, text: str, kind: str) -> None:
    found = languages.find_language(language)
    assert kind_behind(text, found) == kind
    assert ends_in_code(text, found) == (kind == "code")


def test_what_both_ends_make_a_string() -> None:
    groovy = languages.find_language("groovy")
    assert not ends_in_code("x = '''\nit ", groovy, "is\n'''\n")
    assert ends_in_code("x = 1\n", groovy, "y = '''\nis\n'''\n")


@pytest.mark.parametrize(
    ("language", "text", "count"),
    [
        ("javascript", "f(/[{(]/, '}')", 0),
        ("javascript", "f(a[1)]", 2),
        ("crystal", "def f(a)\n  g(a\nend", 1),
        ("python", "# (\n", 0),
        ("cmake", "if(A)\n  foreach(B C)\n  endforeach()\nendif()\n", 0),
        ("cmake", "IF(A)\nEndIf()\nendif()\n", 1),
        ("cmake", "function(f)\n# endfunction()\nset(endif 1)\n", 1),
    ],
)
def test_brackets_of_the_code_without_a_partner(language: str, text: str, count: int) -> None:
    assert count_unpaired_brackets(text, languages.find_language(language)) == count


def test_every_language_can_be_read() -> None:
    for language in languages.languages_by_name().values():
        assert kind_behind("x", language) in ("code", "text", "string", "comment")


def test_keywords_and_numbers() -> None:
    found = {
        name: find_keywords(text, languages.find_language(name))
        for name, text in {
            "python": "def f(x):\n    return x or 12\n",
            "javascript": "function f() { return 1; }",
            "c": "int f(void) { return g; }",
            "text": "def f(x): return 1",
        }.items()
    }
    assert found == {
        "python": {"def", "return", "or", "12"},
        "javascript": {"function", "return", "1"},
        "c": {"int", "void", "return"},
        "text": frozenset(),
    }
