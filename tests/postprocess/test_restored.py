"""New code goes back to where the code that it replaces stood."""

import pytest

from holes import chunked
from starcoder_cli.model import Hole
from starcoder_cli.postprocess.restored import (
    dedent_code,
    has_other_line_ends,
    restore_indent,
    restore_line_ends,
    restore_opening,
    rewrite,
)
from starcoder_cli.stream import collect

HEREDOC = "if a; then\n    cat <<E\n  usage\nE\nfi\n"
QUERY = "x = '''\nselect\n  1\n'''\n"
DOCUMENTED = 'def f():\n    """A\n\n    b.\n    """\n    return 1\n'


@pytest.mark.parametrize(
    ("code", "indent", "rest"),
    [
        ("    a\n\n      b\n", "    ", "a\n\n  b\n"),
        ("\ta\n\t\tb", "\t", "a\n\tb"),
        ("\ta\n    b", "", "\ta\n    b"),
        ("a\n  b", "", "a\n  b"),
        ("        a\n    b\n", "    ", "    a\nb\n"),
    ],
)
def test_indentation_is_taken_off_and_put_back(code: str, indent: str, rest: str) -> None:
    assert dedent_code(code, "text") == (indent, rest)
    for answer in (code, rest):
        assert restore_indent(answer, indent, code, "text") == code


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", "".join(f"  {line}\n" if line else "\n" for line in DOCUMENTED.splitlines())),
        ("python", "    x = '''\n    select\n      1\n    '''\n    y = 1\n"),
        ("python", "    x = '''\nselect\n  1\n'''\n    y = 1\n"),
        ("shell", "    if a; then\n        cat <<E\n  usage\nE\n    fi\n"),
        ("javascript", "  /* A\n   * b\n   */\n  f(`\nraw\n`)\n"),
    ],
)
def test_code_that_does_not_change_comes_back(language: str, code: str) -> None:
    """Whether its answer stands as far right as the model has read it, or as it is in the file."""
    indent, rest = dedent_code(code, language)
    assert indent in ("    ", "  ")
    for answer in (rest, code):
        assert restore_indent(answer, indent, code, language) == code


@pytest.mark.parametrize(
    ("language", "answer", "moved"),
    [
        ("shell", HEREDOC, {0, 1, 4}),
        ("python", QUERY, {0}),
        ("python", DOCUMENTED, {0, 1, 3, 4, 5}),
        ("go", "x := `\nraw\n`\n", {0}),
        ("c", "/* A\n * b\n */\nf();\n", {0, 1, 2, 3}),
        ("yaml", "a: |\n  raw\n", {0, 1}),
    ],
)
def test_what_a_program_reads_of_a_new_text_stays(
    language: str, answer: str, moved: set[int]
) -> None:
    lines = answer.splitlines(keepends=True)
    wanted = "".join("    " * (number in moved) + line for number, line in enumerate(lines))
    assert restore_indent(answer, "    ", "    old\n", language) == wanted


def test_a_text_goes_on_as_it_stood() -> None:
    """More lines of a string move with the others of it."""
    code = "    x = '''\n    select\n    '''\n"
    rest = dedent_code(code, "python")[1]
    answer, wanted = rest.replace("ct\n", "ct\n  1\n"), code.replace("ct\n", "ct\n      1\n")
    assert restore_indent(answer, "    ", code, "python") == wanted


LIST = "    - |\n      one\n    - |\n      three\n    - last\n"
PARTS = {
    "a range that begins in a block scalar": ("yaml", "a:\n    - |\n", "      two\n" + LIST, ""),
    "one that ends in a block scalar": ("yaml", "a:\n", LIST[:-11], LIST[-11:]),
    "one that begins in a string": (
        "python",
        "def f():\n    s = '''\n",
        "    one\n  two\n    '''\n    return s\n",
        "",
    ),
    "one that ends in a string": (
        "python",
        "def f():\n",
        "    s = '''\n    one\n  two\n",
        "three\n    '''\n    return s\n",
    ),
    "one in a string": ("python", "s = '''\n", "    one\n      two\n", "'''\n"),
    "a text that is not as deep in all of its lines": (
        "shell",
        "if a; then\n",
        "    cat <<E\n    one\n  two\nE\n    b\n",
        "fi\n",
    ),
    "one that begins in a comment": ("c", "f() {\n  /* A\n", "   * b\n   */\n    g();\n", "}\n"),
}


@pytest.mark.parametrize("language, before, code, after", PARTS.values(), ids=PARTS)
def test_a_part_of_a_text_comes_back(language: str, before: str, code: str, after: str) -> None:
    around = Hole(before, after)
    indent, rest = dedent_code(code, language, around)
    assert restore_indent(rest, indent, code, language, around) == code
    changed, word = rest.replace("one", "more"), code.replace("one", "more")
    assert restore_indent(changed, indent, code, language, around) == word
    unended = restore_indent(rest.removesuffix("\n"), indent, code, language, around)
    assert unended == code.removesuffix("\n")


def test_line_ends_stay_where_lines_do() -> None:
    original = "a\r\nb\nc\r\nd"
    for text, newline, has_others in (
        (original, "\r\n", True),
        (original, "\n", True),
        ("a\r\nb\r\n", "\n", True),
        ("a\r\nb\r\n", "\r\n", False),
        ("a\nb\n", "\n", False),
        ("a\rb\n", "\n", True),
        ("a", "\r\n", False),
    ):
        assert has_other_line_ends(text, newline) == has_others
    for text, wanted in (
        ("a\nb\nc\nd", original),
        ("a\nb\nc\nd\ne", "a\r\nb\nc\r\nd\r\ne"),
        ("a\nnew\nb\nC\nd", "a\r\nnew\r\nb\nC\r\nd"),
        ("b\n\nd", "b\n\r\nd"),
    ):
        assert restore_line_ends(text, original, "\r\n") == wanted
    for text, original, wanted in (
        ("a\nb\nc\n", "a\r\nb\r\n", "a\r\nb\r\nc\r\n"),
        ("a\nb\n", "a\rb\n", "a\rb\n"),
        ("a\nb", "a", "a\nb"),
    ):
        assert restore_line_ends(text, original, "\n") == wanted


def test_a_text_is_changed_when_all_of_it_is_here() -> None:
    for size in range(1, 5):
        chunks = list(rewrite(chunked("abc", size, "length"), str.upper))
        assert (collect(chunks).text, collect(chunks).reason) == ("ABC", "length")
        assert [chunk.text for chunk in chunks][:-1] == [""] * (len(chunks) - 1)


@pytest.mark.parametrize(
    "opening", ["#!/bin/sh\n", "#!/usr/bin/env node\n\n", "<?php\n\n", "<?xml a?>\n"]
)
def test_the_line_that_says_what_reads_a_file_stays(opening: str) -> None:
    assert restore_opening("f();\n", f"{opening}g();\n") == f"{opening}f();\n"
    assert restore_opening("#!/bin/bash\nf\n", f"{opening}g\n") == "#!/bin/bash\nf\n"
    assert restore_opening("f();\n", f"\n{opening}") == "f();\n"
    assert restore_opening("\n", f"{opening}g();\n") == "\n"
