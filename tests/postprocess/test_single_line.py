"""An answer of one line ends with it, or where the rest of its line begins again."""

from dataclasses import replace

import pytest

from holes import chunked, cut_up
from starcoder_cli import languages
from starcoder_cli.model import Hole
from starcoder_cli.postprocess.single_line import (
    MAX_LINES,
    MAX_OPEN_LINES,
    choose_end,
    first_whole_line,
    until_line_end,
    until_statement_end,
)
from starcoder_cli.postprocess.soundness import SoundnessCheck
from starcoder_cli.postprocess.trim import trim_answer
from starcoder_cli.postprocess.trim_options import TrimOptions
from starcoder_cli.stream import Chunk, collect

PYTHON = languages.find_language("python")


def check_for(prefix: str, rest: str, language: str = "python") -> SoundnessCheck:
    """The judge of answers between two parts of a line."""
    return SoundnessCheck(Hole(prefix, rest + "\n"), "", languages.find_language(language))


@pytest.mark.parametrize(
    ("answer", "kept", "names"),
    [
        ("    a\n    b\n", "    a\n", ("line",)),
        ("\n\n    a\n    b", "    a\n", ("line",)),
        ("    a\n", "    a\n", ("line",)),
        ("    a", "    a\n", ()),
        ("", "", ()),
        ("\n\n", "", ()),
    ],
)
def test_one_line_between_lines_is_a_whole_one(
    answer: str, kept: str, names: tuple[str, ...]
) -> None:
    hole = Hole("def f():\n", "    c\n")
    for size in range(1, len(answer) + 2):
        found = collect(trim_answer(chunked(answer, size), hole, TrimOptions(PYTHON, "one")))
        assert (found.text, found.trimmed) == (kept, names)


@pytest.mark.parametrize(
    ("prefix", "line", "rest", "kept"),
    [
        ("f(", "a, b)", ")", "a, b"),
        ("f(", "g(a), b)", ")", "g(a), b"),
        ("f(g(", "len(a), b))", "))", "len(a), b"),
        ("f(", "a)  # more", ")", "a"),
        ("f(", '")", b)', ")", '")", b'),
        ("f(", r"'\')', b)", ")", r"'\')', b"),
        ("[1, ", "2,", ", 3]", "2"),
        ("x = ", "a + b", " + b", "a"),
        ("x = ", "a", " + b", "a"),
        ("f(", "g(x", "))", "g(x"),
        ("f(", "g(x)", ")", "g(x)"),
        ('print("', 'a")  # prints a', '")', "a"),
        ("x = ", "a;", "", "a;"),
        ("x = ", "", ")", ""),
    ],
)
def test_where_the_rest_of_a_whole_line_begins_again(
    prefix: str, line: str, rest: str, kept: str
) -> None:
    end, _ = choose_end(line, rest, check_for(prefix, rest), "stop")
    assert line[:end] == kept


def test_in_the_grammar_of_another_language() -> None:
    """A lifetime is no string, and a quote may close the one that the hole is in."""
    rust = check_for("fn len<'a>(", ") -> usize {}", "rust")
    line = "s: &'a str) -> usize {}"
    assert line[: choose_end(line, ") -> usize {}", rust, "line")[0]] == "s: &'a str"
    php = check_for("<?php\n$r->withHeader('", ", $size);", "php")
    line = "Length', $size);"
    assert line[: choose_end(line, ", $size);", php, "line")[0]] == "Length'"


@pytest.mark.parametrize(
    ("prefix", "text", "rest", "kept", "trimmed"),
    [
        ("x = ", "1 + 2\nprint(b)", "", "1 + 2", ("line",)),
        ("x = ", "1 + 2", "", "1 + 2", ()),
        ("x = ", "1 \nprint(b)", " ", "1", ("line",)),
        ("f(", "1, 2)\nprint(b)", ")", "1, 2", ("suffix",)),
        ("f(", "1, 2) # more\nprint(b)", ")", "1, 2", ("suffix",)),
        ("x = ", "a  # tw", "  # twice", "a", ("suffix",)),
        ("x = ", "a  # twice, then\n", "  # twice", "a", ("suffix",)),
        ("f(", "", ")", "", ()),
        ("f(", "\n", ")", "", ("line",)),
    ],
)
def test_an_answer_inside_a_line_ends_with_it(
    prefix: str, text: str, rest: str, kept: str, trimmed: tuple[str, ...]
) -> None:
    for size in range(1, len(text) + 2):
        found = collect(until_line_end(chunked(text, size), rest, check_for(prefix, rest)))
        assert (found.text, found.trimmed) == (kept, trimmed)


def test_what_may_be_the_rest_of_the_line_waits() -> None:
    check = check_for("x = ", " # twice")
    chunks = until_line_end(cut_up(["a", " #", " tw", "o", "\n"]), " # twice", check)
    assert [chunk.text for chunk in chunks] == ["a", "", "", " # two", ""]


def test_the_first_line_is_whole_even_where_a_model_does_not_say_that_it_ends() -> None:
    assert list(first_whole_line([Chunk("\n\n"), Chunk("a")])) == [
        Chunk(""),
        Chunk("a"),
        Chunk("\n", 0, "stop"),
    ]
    assert list(first_whole_line([Chunk("\n")])) == [Chunk("")]
    assert list(first_whole_line([Chunk("a", reason="length")])) == [Chunk("a\n", reason="length")]


LINES, TOO_MANY = "a,\n" * MAX_LINES, "a,\n" * MAX_OPEN_LINES


@pytest.mark.parametrize(
    ("prefix", "rest", "answer", "kept"),
    [
        ("x = ", "", "f(\n    a,\n)\ny = 2\n", "f(\n    a,\n)"),
        ("x = ", "", "f(\n    a,\n)", "f(\n    a,\n)"),
        ("x = ", "", "1\ny = 2\n", "1"),
        ("x = g(", ", b)", "f(\n    a\n), b)\ny = 2\n", "f(\n    a\n)"),
        ("x = ", "", "f(\n    a\n", "f("),
        ("x = ", "", f"f({LINES})\n", f"f({LINES})"),
        ("x = ", "", f"f({TOO_MANY})\n", "f(a,"),
        ("x = ", "", f"f({LINES}{LINES})", f"f({LINES}{LINES})"),
    ],
)
def test_a_statement_may_be_longer_than_its_line(
    prefix: str, rest: str, answer: str, kept: str
) -> None:
    check = SoundnessCheck(Hole(prefix, rest + "\n"), "a(1)", PYTHON)
    for size in (1, 7, 1000):
        found = collect(until_statement_end(chunked(answer, size), rest, check))
        assert found.text == kept


@pytest.mark.parametrize("live", [True, False])
def test_who_asked_for_one_line_gets_one_and_others_the_statement(live: bool) -> None:
    hole, answer = Hole("x = ", "\n"), "f(\n    a,\n)\n"
    options = TrimOptions(PYTHON, "one", replaced="1", live=live)
    assert collect(trim_answer(chunked(answer, 1), hole, options)).text == "f("
    goes_on = replace(options, may_go_on=True)
    assert collect(trim_answer(chunked(answer, 1), hole, goes_on)).text == answer.rstrip()


GO = "func f() int {«\n\tif a {\n\t\tb()\n\t}\n\treturn 1\n¦}\n\nfunc g() {\n\tb()\n»}\n"
JAVA = "class A {\n  int f() {«\n    return 1;\n  ¦}\n\n  int g() {\n    return 2;\n»}\n}\n"
LIST = "const x = [«\n  1,\n  2,\n¦];\n\nconst y = [\n  1,\n»];  // twice\n"
RULE = "a {«\n  color: blue;\n¦}\n\nb {\n  color: red;\n»}\n"
ELSE = "if (a) {«\n  b();\n} else {\n  c();\n¦»}\nd();\n"
MACRO = "#define SET(a, b) do {« \\\n  a = b; \\\n  f(); \\\n¦} while (0)\nint x;\n»} while (0)\n"
OWN_MACRO = "#define SWAP(a, b) do { f(« a¦); \\\n  g(a); \\\n»); \\\n} while (0)\n"


@pytest.mark.parametrize(
    ("language", "case"),
    [
        ("go", GO),
        ("java", JAVA),
        ("typescript", LIST),
        ("css", RULE),
        ("javascript", ELSE),
        ("c", MACRO),
        ("c", OWN_MACRO),
    ],
)
def test_lines_between_two_brackets_end_where_what_follows_is_repeated(
    language: str, case: str
) -> None:
    before, _, rest = case.partition("«")
    kept, _, rest = rest.partition("¦")
    more, _, after = rest.partition("»")
    options = TrimOptions(languages.find_language(language), "one", may_go_on=True)
    for size in (1, 7, 1000):
        found = collect(trim_answer(chunked(kept + more, size), Hole(before, after), options))
        assert found.text == kept
