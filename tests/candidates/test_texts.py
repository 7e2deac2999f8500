"""Lines inside of strings, heredocs and comments, as parsers tell them."""

import pytest

from starcoder_cli.candidates.texts import (
    MultilineText,
    find_multiline_texts,
    find_open_text,
    find_text_lines,
)

TEXTS = {
    "shell": "cat <<E\n a\nb\nE\nc\n",
    "ruby": "x = <<E\n a\nb\nE\ny = 1\n",
    "php": "<?php $x = <<<E\n a\nb\nE;\n$y = 1;\n",
    "perl": "my $x = <<E;\n a\nb\nE\n$y = 1;\n",
    "dockerfile": "RUN <<E\n a\nb\nE\nCMD x\n",
    "terraform": "x = <<E\n a\nb\nE\ny = 1\n",
    "python": "x = '''\n a\nb\n'''\ny = 1\n",
    "javascript": "x = `\n a\nb\n`\ny = 1\n",
    "go": "var x = `\n a\nb\n`\nvar y = 1\n",
    "rust": 'let x = r#"\n a\nb\n"#;\nlet y = 1;\n',
    "lua": "x = [[\n a\nb\n]]\ny = 1\n",
    "toml": 'x = """\n a\nb\n"""\ny = 1\n',
}
"""Three lines that begin in a text, between two that do not."""


@pytest.mark.parametrize("language", TEXTS)
def test_what_a_program_reads(language: str) -> None:
    assert find_multiline_texts(TEXTS[language], language) == (MultilineText(1, 3, False),)
    assert find_text_lines(TEXTS[language], language) == {1, 2, 3}


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("python", 'def f():\n    """A\n    b.\n    """\n    return 1\n'),
        ("c", "int x;\n/* A\n * b.\n */\nint y;\n"),
        ("html", "<p>\n<!-- a\nb\n-->\n</p>\n"),
    ],
)
def test_what_only_people_read(language: str, text: str) -> None:
    assert find_multiline_texts(text, language) == (MultilineText(2, 3, True),)


def test_where_there_are_none() -> None:
    assert find_multiline_texts("x = 'a'\n# b\n# c\n", "python") == ()
    assert find_multiline_texts("x = `\na\n`\n", "text") == ()


@pytest.mark.parametrize("language", sorted(TEXTS.keys() - {"toml"}))
def test_a_text_without_its_end(language: str) -> None:
    begin, line, other, end, _ = TEXTS[language].splitlines(keepends=True)
    for text in (begin + line, begin + line + other):
        found = find_open_text(text, language, 0)
        assert found and found.first == 1
    assert find_open_text(begin + line + other + end, language, 0) is None


def test_only_texts_behind_a_place_count() -> None:
    text = "x = `\na\n`\ny = `\nb\n`\n"
    start = text.index("y")
    assert find_multiline_texts(text, "javascript", start) == (MultilineText(4, 5, False),)
    assert find_open_text(text[:-2], "javascript", start)
    assert not find_open_text(text[:-2], "javascript", text.index("b"))
