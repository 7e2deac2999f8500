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
    ("python", "x = f(", "a,\n      b", ")\n", "<HOLE>"),
    ("javascript", "let x = ", "a; // call it with ", "a\n", ""),
    ("python", "x = ", "g(a)  # not h(a", ")\n", ""),
    ("common-lisp", "(f ", "(g\n   (h x))", ")\n", ""),
    ("javascript", "a();\n", "console.log", "('x');\n", "console.log"),
    ("python", "import os\n", "here", " = os.getcwd()\n", "<HOLE>"),
    ("python", 'def f():\n    """', "Do it.\n\n    Now.\n    ", '"""\n', "Old.\n\n    More.\n    "),
    ("javascript", "q = `", "SELECT *\n  FROM t\n WHERE a = 1", "`;\n", "SELECT a\n  FROM t"),
    ("shell", "f() {", "\n  echo hi\n", "}\nf\n", ""),
    ("css", ".a {", "\n  color: red;\n  margin: 0;\n", "}\n", ""),
    ("toml", "select = [", '\n    "I",  # isort\n', "]\n", ""),
    ("javascript", 'x = "', '" + y + "', '";\n', "a"),
)  # fmt: skip
RUNNING_ON = (
    ("x = ", "1  # set to one\ny = 2\n", "one\ny = 2\n", "TODO", "1  # set to "),
    ("x = f(", "a)  # and so on\ny = 2\n", ")\ny = 2\n", "TODO", "a"),
    ("a = 1\n", "b = 2\n\nC = [1]\n\nx = 1\n", "= [1]\n\nx = 1\n", "d\n\ne ", "b = 2\n\nC "),
    ("def f(a):", "\n    return 1\n\ng(1)\nh(2)\n", "\n\ng(1)\nh(2)\n", "pass", "\n    return 1"),
)  # fmt: skip
FENCED = (
    ("shell", "f() {\n  x=1\n  ", "echo hi\n", "  echo\n}\n"),
    ("r", "f <- function(x) {\n  ", "y <- x\n", "  y + 1\n}\n"),
    ("html", "<ul>\n  ", "<li>a</li>\n", "  <li>b</li>\n</ul>\n"),
    ("makefile", "all: x\n\t", "echo hi\n", "\techo b\n"),
    ("tex", "\\begin{a}\n  ", "\\item b\n", "  \\item c\n\\end{a}\n"),
    ("c", "int a;\n#define TWO ", "2", "\nint b;\n"),
    ("shell", "if [ ", '-n "$a"', " ]; then\n  ls\nfi\n"),
    ("makefile", "CC = ", "clang -O2", "\nall: x\n"),
    ("dockerfile", "FROM a\nRUN ", "npm ci", "\nCMD b\n"),
    ("python", 'NAME = "', "the new name", '"\n'),
    ("python", "x = f(1)  # ", "the only one", "\n"),
    ("html", '<a href="', "https://example.org", '">a</a>\n'),
)
REPEATED_STATEMENTS = (
    ("assembly", "f:\n    sub eax, ebx\n", "    sub eax, ebx\n", "    ret\n"),
    ("c", "struct a {\n    struct b *c;\n", "    struct b *c;\n    int d;\n", "};\n"),
)
QUOTED = (
    ("python", 'NAME = "', '"the new name"', '"\n'),
    ("json", '{\n  "name": "', '"the new name"', '",\n  "a": 1\n}\n'),
    ("python", 'def f():\n    """', '"""Return it."""', '"""\n    return 1\n'),
)
REPEATED_HEADERS = (
    ("javascript", "class A {\n  render() {\n", "    return 1;\n", "  }\n}\n"),
    ("shell", "clean_up() {\n", '  rm -rf "$tmp"\n', "}\ntrap clean_up EXIT\n"),
    ("ruby", "def push_all(items)\n", "  items.sum\n", "end\nputs push_all(1)\n"),
    ("lua", "function first_of(list)\n", "  return list[1]\n", "end\nprint(first_of({1}))\n"),
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


@pytest.mark.parametrize(("before", "answer", "after", "replaced", "wanted"), RUNNING_ON)
def test_what_runs_on_into_the_rest_of_its_line_ends_there(
    before: str, answer: str, after: str, replaced: str, wanted: str
) -> None:
    for size in (1, 4, 1000):
        assert kept("python", before, answer, after, replaced, size) == wanted


RUST_LOOP = "    for _ in 0..n {\n        a += b;\n    }"
RUST_END = '\n    a\n}\n\nfn main() {\n    println!("{}", fib(10));\n}\n'


def test_a_function_that_is_written_a_second_time_is_cut_after_its_first_end() -> None:
    """The end of the function was taken for a coincidence, as another one followed it."""
    before = "fn fib(n: u32) -> u64 {\n    let mut a = 0;\n"
    again = f"{RUST_LOOP}\n    a\n}}\n\n{before}{RUST_LOOP}{RUST_END}"
    for size in (1, 7, 1000):
        found = kept("rust", before, again, RUST_END, "    todo!();", size)
        assert found.rstrip("\n") == RUST_LOOP


def test_a_pair_of_fences_in_a_comment_stays_or_goes_as_a_pair() -> None:
    before, after = "/**\n * Adds.\n     ", "\n * It never fails.\n */\nint f;\n"
    found = kept("java", before, "```java\nf();\n```\n", after, "", 7)
    assert found.count("```") in (0, 2)


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


def test_what_closes_a_comment_stays_unless_the_suffix_closes_it() -> None:
    """It was dropped: the comment ends in the next one, and swallowed what the parser minds."""
    before, after = "/* What it does\n", "\nint x = FOO BAR BAZ;\n\n/* More. */\nint y;\n"
    assert kept("c", before, " */", after, " */", 7) == " */"
    assert kept("c", before, "text\n */", "\n */\nint y;\n", "", 7).strip() == "text"


def test_a_fence_in_a_documentation_string_stays() -> None:
    answer = "```python\nf(1)\n```\n"
    before = 'def f(a):\n    """Return a.\n\n    '
    assert kept("python", before, answer, '    """\n', "", 7).startswith("```python")


@pytest.mark.parametrize(("language", "before", "answer", "after"), QUOTED)
def test_quotes_that_are_there_already_are_not_doubled(
    language: str, before: str, answer: str, after: str
) -> None:
    """It was a bug that nothing was left of the answer."""
    for size in (1, 7, 1000):
        assert kept(language, before, answer, after, "a", size) == answer.strip('"')


@pytest.mark.parametrize(("language", "before", "answer", "after"), REPEATED_HEADERS)
def test_a_header_and_its_end_are_not_doubled(
    language: str, before: str, answer: str, after: str
) -> None:
    header, closer = before.split("\n")[-2], after.split("\n")[0]
    for size in (1, 7, 1000):
        repeated = f"{header}\n{answer}{closer}\n"
        assert kept(language, before, repeated, after, answer, size) == answer
        assert kept(language, before, answer, after, answer, size) == answer


@pytest.mark.parametrize(("language", "before", "answer", "after"), REPEATED_STATEMENTS)
def test_a_statement_may_stand_twice(language: str, before: str, answer: str, after: str) -> None:
    for size in (1, 7, 1000):
        assert kept(language, before, answer, after, "x\n", size) == answer
