"""A model's answer that is exactly right stays, wherever its hole begins and ends."""

import pytest

from holes import chunked
from starcoder_cli import languages
from starcoder_cli.files.source import Source, Span
from starcoder_cli.postprocess.trim import choose_line_mode, is_prose, trim_answer
from starcoder_cli.postprocess.trim_options import TrimOptions
from starcoder_cli.stream import collect

LONG_BODY = "{\n" + "  step();\n" * 40 + "}"
COMPLETED = (
    ("javascript", "function f(a) {", "\n    return a;\n}\n", "\n\nconst y = 2;\n"),
    ("javascript", "function f(a) {\n", "    return a;\n}\n", "\nconst y = 2;\n"),
    ("javascript", "const f = () => {", "\n    a();\n    return 1;\n};\n", "\n\nconst y = 2;\n"),
    ("javascript", "const x = foo(", "\n    1,\n    2,\n);\n", "\n\nconst y = 2;\n"),
    ("javascript", "class A {\n  m() {", "\n    return 1;\n  }\n", "\n\n  n() {\n  }\n}\n"),
    ("javascript", "function h(", "b)\n{\n    return b;\n}\n", "\n\nh(1);\n"),
    ("python", "x = foo(", "\n    1,\n    2,\n)\n", "\n\ny = 2\n"),
    ("go", "package a\n\nfunc f() int {", "\n\treturn 1\n}\n", ""),
    ("rust", "struct A {", "\n    a: u8,\n}\n", "\n\nfn g() {}\n"),
    ("c", "int f(void) {", "\n    return 1;\n}\n", "\n\nint x;\n"),
    ("c", "int main(", "int argc, char **argv)\n{\n    return 0;\n}\n", "\n\nvoid z(void)\n{\n}\n"),
    ("css", "a {", "\n  top: 1px;\n}\n", "\n\nb {\n  top: 2px;\n}\n"),
    ("json", "{", '\n  "a": 1\n}\n', ""),
    ("shell", "f() {", "\n  echo a\n}\n", "\n\nf\n"),
    ("shell", "if [ ", '"$x" = 1 ]\nthen\n  echo a\nelse\n  echo b\nfi\n', ""),
    ("php", "<?php\nfunction h(", "$b)\n{\n    return $b;\n}\n", ""),
    ("ruby", "def f", "\n  1\nend\n", "\n\nf\n"),
)  # fmt: skip
INSIDE_LINES = (
    ("typescript", "const a: O = {\n  slug: ", "{\n    b: 1,\n    c: 2,\n  }", ",\n};\n", ""),
    ("json", '{\n  "a": ', '{\n    "b": 1,\n    "c": 2\n  }', ',\n  "d": 3\n}\n', ""),
    ("javascript", "if (a) ", "{\n  x();\n}", " else if (b) {\n  y();\n}\n", ""),
    ("python", "a = dict(\n  b=", 'glob(\n    ["x"],\n  ) + [\n    "y",\n  ]', ",\n)\n", ""),
    ("javascript", "(function () ", LONG_BODY, ").call(this);\n", LONG_BODY),
    ("cpp", "if (a) ", "{\n  x();\n  // rest\n  y();\n}", " else if (b) {\n  z();\n}\n", "{\n}"),
    ("python", 'def f(a):\n  """', "\n  Return a.\n\n  As given.\n  ", '"""\n  return a\n', ""),
    ("javascript", "a();\n", "console.log", "('x');\n", "console.log"),
    ("python", "import os\n", "here", " = os.getcwd()\n", "<HOLE>"),
)  # fmt: skip
FENCED = (
    ("shell", "f() {\n  x=1\n  ", "echo hi\n", "  echo\n}\n"),
    ("r", "f <- function(x) {\n  ", "y <- x\n", "  y + 1\n}\n"),
    ("html", "<ul>\n  ", "<li>a</li>\n", "  <li>b</li>\n</ul>\n"),
    ("makefile", "all: x\n\t", "echo hi\n", "\techo b\n"),
    ("tex", "\\begin{a}\n  ", "\\item b\n", "  \\item c\n\\end{a}\n"),
    ("c", "int a;\n#define TWO ", "2", "\nint b;\n"),
)


def kept(language: str, before: str, answer: str, after: str, replaced: str, size: int) -> str:
    """What is left of an answer in the place of some text, as a command would ask for it."""
    source = Source("f", before + replaced + after)
    span = Span(len(before), len(before) + len(replaced))
    hole, found = source.hole_at(span), languages.find_language(language)
    options = TrimOptions(
        found,
        choose_line_mode(hole, inside_line=source.is_inside_line(span)),
        replaced,
        is_prose(found, None),
        may_go_on=True,
    )
    return collect(trim_answer(chunked(answer, size), hole, options)).text


@pytest.mark.parametrize(("language", "before", "answer", "after"), COMPLETED)
def test_what_closes_the_line_that_is_completed_stays(
    language: str, before: str, answer: str, after: str
) -> None:
    """Its closing line was dropped, as it is further left than the answer began."""
    for size in (1, 7, 1000):
        found = kept(language, before, answer, after, "", size)
        assert found.rstrip("\n") == answer.rstrip("\n")


@pytest.mark.parametrize(("language", "before", "answer", "after", "replaced"), INSIDE_LINES)
def test_several_lines_inside_a_line_stay(
    language: str, before: str, answer: str, after: str, replaced: str
) -> None:
    """The first line that left the file as broken as its marker did was taken for all of it."""
    for size in (1, 7, 1000):
        assert kept(language, before, answer, after, replaced, size) == answer


def test_an_answer_inside_a_line_that_runs_on_ends_there() -> None:
    answer = "{\n  x();\n} else if (b) {\n  y();\n}\nz();\n"
    for size in (1, 7, 1000):
        found = kept("javascript", "if (a) ", answer, " else if (b) {\n  y();\n}\n", "", size)
        assert found == "{\n  x();\n}"


def test_a_completed_block_ends_before_the_code_after_it() -> None:
    answer = "\n    return a;\n}\n\nfunction g() {\n    return 2;\n}\n"
    for size in (1, 7, 1000):
        found = kept("javascript", "function f(a) {", answer, "\n\nconst y = 2;\n", "", size)
        assert found.rstrip("\n") == "\n    return a;\n}"


@pytest.mark.parametrize(("language", "before", "code", "after"), FENCED)
def test_a_fence_around_an_indented_line_is_dropped(
    language: str, before: str, code: str, after: str
) -> None:
    """Shells, R and markup call the white space before it text, in which a fence may be meant."""
    for size in (1, 7, 1000):
        answer = f"```{language}\n{code.rstrip()}\n```\n"
        assert kept(language, before, answer, after, "", size).strip() == code.strip()


def test_a_fence_in_a_documentation_string_stays() -> None:
    answer = "```python\nf(1)\n```\n"
    before = 'def f(a):\n    """Return a.\n\n    '
    assert kept("python", before, answer, '    """\n', "", 7).startswith("```python")
