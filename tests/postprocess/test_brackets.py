"""Brackets are counted where they are code, in languages with very different quotes."""

import pytest

from starcoder_cli import languages
from starcoder_cli.postprocess.brackets import has_paired_brackets, scan_brackets

COUNTED = {
    "python": [
        ("f(a[0], {", 2, 0),
        ("'(' + \"[\" # {", 0, 0),
        ('"""\n(((\n"""', 0, 0),
        ("f'{x}' + g(", 1, 0),
        ("'it\\'s (' + (", 1, 0),
        ("'unfinished (\n(", 2, 0),
        ("))(", 1, 2),
    ],
    "javascript": [
        ("`(\n${[}`; {", 1, 0),
        ("// (\n/* [\n */ {", 1, 0),
        ('"\\"(" + f(', 1, 0),
    ],
    "rust": [
        ("fn f<'a>(x: &'a str) {", 1, 0),
        ("'(' '\\'' '\\u{28}' (", 1, 0),
    ],
    "sql": [("select ( -- (\n'(' )", 0, 0)],
    "css": [("/* { */ a {", 1, 0)],
    "batchfile": [("REM (\nif (", 1, 0), ("PREMIUM (", 1, 0)],
    "json": [('{"a{": [', 2, 0)],
}


@pytest.mark.parametrize(
    ("language", "text", "unclosed", "unopened"),
    [(name, *row) for name, rows in COUNTED.items() for row in rows],
)
def test_what_is_left_open(language: str, text: str, unclosed: int, unopened: int) -> None:
    found = scan_brackets(text, languages.find_language(language))
    assert (found.unmatched_openers, found.unmatched_closers) == (unclosed, unopened)


@pytest.mark.parametrize(
    ("language", "text", "in_code"),
    [
        ("python", "x = 1", True),
        ("python", "x = 'a", False),
        ("python", "x = 'a\n", True),
        ("python", "'a'", True),
        ("python", '"""a\n', False),
        ("python", '"""a\n"""', True),
        ("python", "# a", False),
        ("python", "# a\n", True),
        ("javascript", "/* a\n", False),
        ("javascript", "`a\n", False),
        ("rust", "&'a", True),
    ],
)
def test_whether_code_goes_on(language: str, text: str, in_code: bool) -> None:
    assert scan_brackets(text, languages.find_language(language)).ends_in_code == in_code


def test_where_brackets_come_in_pairs() -> None:
    assert has_paired_brackets(languages.find_language("c"))
    assert not has_paired_brackets(languages.find_language("shell"))
