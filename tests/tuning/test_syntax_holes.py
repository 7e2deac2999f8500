"""Where holes of each kind are cut."""

import pytest

from codebases import code
from starcoder_cli.languages import find_language
from starcoder_cli.tuning.syntax_holes import HOLE_KINDS, HoleKind, find_ranges

PYTHON = "def f(first, second=2):\n    a = g(first, [1, 2])\n    b = a + second\n    return b\n"
JAVASCRIPT = "function f(x, other) {\n  const y = g(x, 'é');\n  return y + other;\n}\n"


def cut(kind: HoleKind, text: str, language: str) -> set[str]:
    """The texts of all holes of a kind."""
    return {text[start:end] for start, end in find_ranges(kind, text, find_language(language))}


@pytest.mark.parametrize(
    ("kind", "text", "language", "some"),
    [
        ("argument", PYTHON, "python", {"first", "second=2", "first, [1, 2]", "[1, 2]"}),
        ("argument", JAVASCRIPT, "javascript", {"x, 'é'", "other", "x, other"}),
        ("block", PYTHON, "python", {"a = g(first, [1, 2])", "b = a + second\n    return b"}),
        ("block", JAVASCRIPT, "javascript", {"const y = g(x, 'é');"}),
        ("body", PYTHON, "python", {PYTHON.partition("\n    ")[2].rstrip()}),
        ("line", PYTHON, "python", {"    b = a + second"}),
    ],
)
def test_kinds(kind: HoleKind, text: str, language: str, some: set[str]) -> None:
    assert some <= cut(kind, text, language)


@pytest.mark.parametrize("text", ["a: >-\n  b • c\n", "a: >-\n  b c\n", "a: |\n  é\n"])
def test_a_place_behind_the_text_is_its_end(text: str) -> None:
    """The grammar of YAML puts the end of such a text there."""
    for kind in HOLE_KINDS:
        assert all(end <= len(text) for _, end in find_ranges(kind, text, find_language("yaml")))


def test_spans_are_parts_of_lines() -> None:
    found = cut("span", PYTHON, "python")
    assert found and all("\n" not in each and each.strip() == each for each in found)


def test_random_spans_are_the_same_each_time() -> None:
    text, language = code("apple", 30), find_language("python")
    found = find_ranges("random", text, language)
    assert found == find_ranges("random", text, language) and len(found) > 3
    assert all(0 <= start < end <= len(text) for start, end in found)


@pytest.mark.parametrize("kind", HOLE_KINDS)
def test_a_language_without_a_grammar_has_lines_at_least(kind: HoleKind) -> None:
    found = cut(kind, "LET answer = forty + two\n" * 3, "alloy")
    assert bool(found) == (kind in ("line", "span", "random"))
