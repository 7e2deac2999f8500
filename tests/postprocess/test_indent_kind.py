"""Tabs and spaces of an answer, beside those of its file."""

import pytest

from starcoder_cli.languages import find_language
from starcoder_cli.model import Hole
from starcoder_cli.postprocess.indent_kind import MAX_PARSED_LINES, match_indent_kind
from starcoder_cli.postprocess.soundness import SoundnessCheck
from starcoder_cli.stream import Chunk, collect

TABS = "def f():\n\tx = 1\n\tif x:\n\t\treturn x\n"
SPACES = TABS.replace("\t", "    ")
TWO = TABS.replace("\t", "  ")
PYTHON = SoundnessCheck(Hole("", ""), "", find_language("python"))
MIXED = TABS + SPACES


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize(
    ("answer", "around", "text"),
    [
        ("x = 1\n    y = 2\n        z\n", TABS, "x = 1\n\ty = 2\n\t\tz\n"),
        ("x = 1\n  y = 2\n    z\n", TABS, "x = 1\n\ty = 2\n\t\tz\n"),
        ("x = 1\n        y = 2\n", TABS, "x = 1\n\t\ty = 2\n"),
        ("x = 1\n\ty = 2\n\t\tz\n", SPACES, "x = 1\n    y = 2\n        z\n"),
        ("x = 1\n\ty = 2\n", TWO, "x = 1\n  y = 2\n"),
        ("x = 1\n\ty = 2\n", TABS, "x = 1\n\ty = 2\n"),
        ("x = 1\n    y = 2\n", MIXED, "x = 1\n    y = 2\n"),
        ("x = 1\n    y = 2\n", "x = 1\n", "x = 1\n    y = 2\n"),
        ("x = [\n    1,  2]\n\n    \n    y\n", TABS, "x = [\n\t1,  2]\n\n    \n\ty\n"),
        ("", TABS, ""),
    ],
)
def test_an_answer_is_indented_as_its_file_is(
    answer: str, around: str, text: str, size: int
) -> None:
    pieces = [Chunk(answer[at : at + size]) for at in range(0, len(answer), size)]
    for last in ([Chunk("", 0, "stop")], []):
        read = match_indent_kind([*pieces, *last], around, PYTHON, at_line_start=False)
        assert collect(read).text == text


@pytest.mark.parametrize("size", [1, 1000])
def test_the_first_line_counts_where_the_hole_begins_a_line(size: int) -> None:
    answer = "    x = 1\n    y = 2\n"
    pieces = [Chunk(answer[at : at + size]) for at in range(0, len(answer), size)]
    ended = [*pieces, Chunk("", 0, "stop")]
    assert (
        collect(match_indent_kind(ended, TABS, PYTHON, at_line_start=True)).text
        == "\tx = 1\n\ty = 2\n"
    )
    inside = collect(match_indent_kind(ended, TABS, PYTHON, at_line_start=False)).text
    assert inside == "    x = 1\n\ty = 2\n"


C_TABS = "int f(int a)\n{\n\tif (a)\n\t\treturn 1;\n}\n"
C_SPACES = C_TABS.replace("\t", "    ")
DOC = "/**\n * Adds.\n * @param a One.\n */\n"
STAYS = {
    "YAML in a raw string": ("go", TABS, "\tq := `\na:\n  b:\n    - c\n`\n\tg(q)\n"),
    "usage in a raw string": ("go", TABS, "const usage = `Usage:\n\n  -v  verbose\n`\n"),
    "JSON in a text block": ("java", TABS, '\tvar s = """\n{\n  "a": 1\n}\n""";\n'),
    "YAML in a heredoc": ("shell", TABS, "\tcat <<E\na:\n  b:\n    - c\nE\n\tg\n"),
    "a heredoc behind tabs": ("shell", SPACES, "    cat <<-E\n\tx\n\tE\n    g\n"),
    "a recipe in a string": ("python", SPACES, '    s = """\nall:\n\tgcc a.c\n"""\n    t = s\n'),
    "a recipe in a template": ("javascript", SPACES, "    s = `\nall:\n\tgcc a.c\n`;\n"),
    "a recipe in a heredoc": ("shell", SPACES, "    cat > Makefile <<E\nall:\n\tgcc a.c\nE\n"),
    "a comment for documentation": (
        "javascript",
        TABS,
        f"{DOC}function f(a) {{\n\treturn a;\n}}\n",
    ),
    "a comment aligned by hand": ("c", C_TABS, "/* A\n   b. */\nint g(int a)\n{\n\treturn a;\n}\n"),
    "arguments": ("c", C_TABS, "static int g(int a,\n             int b)\n{\n\treturn a;\n}\n"),
    "arguments at a step": ("c", C_TABS, "int four(int a,\n         int b,\n         int c);\n"),
}
MOVES = {
    "a comment for documentation": (
        "javascript",
        TABS,
        f"{DOC}function f(a) {{\n    if (a) {{\n        return 1;\n    }}\n}}\n",
        f"{DOC}function f(a) {{\n\tif (a) {{\n\t\treturn 1;\n\t}}\n}}\n",
    ),
    "one that is deeper": (
        "java",
        TABS,
        "class A {\n    /**\n     * B.\n     */\n    int b() {\n        return 1;\n    }\n}\n",
        "class A {\n\t/**\n\t * B.\n\t */\n\tint b() {\n\t\treturn 1;\n\t}\n}\n",
    ),
    "one to spaces": ("java", SPACES, "class A {\n\t/**\n\t * B.\n\t */\n", None),
    "arguments": (
        "c",
        C_TABS,
        "int g(int a)\n{\n    int b = h(a,\n              a);\n    return b;\n}\n",
        "int g(int a)\n{\n\tint b = h(a,\n\t          a);\n\treturn b;\n}\n",
    ),
    "arguments to spaces": (
        "c",
        C_SPACES,
        "{\n\tint b = h(a,\n\t          a);\n\treturn b;\n}\n",
        None,
    ),
    "an operator": (
        "c",
        C_TABS,
        "{\n    return a\n           && b;\n}\n",
        "{\n\treturn a\n\t       && b;\n}\n",
    ),
    "a list that hangs": ("python", TABS, "x = f(\n    a,\n    b,\n)\n", "x = f(\n\ta,\n\tb,\n)\n"),
    "a docstring": (
        "python",
        TABS,
        'def f():\n    """A.\n\n    B.\n    """\n    return 1\n',
        'def f():\n\t"""A.\n\n\tB.\n\t"""\n\treturn 1\n',
    ),
    "behind a heredoc": (
        "shell",
        TABS,
        "if a; then\n    cat <<E\n  x\nE\n    if b; then\n        c\n    fi\nfi\n",
        "if a; then\n\tcat <<E\n  x\nE\n\tif b; then\n\t\tc\n\tfi\nfi\n",
    ),
}


def translate(answer: str, around: str, language: str, size: int, prefix: str = "") -> str:
    judge = SoundnessCheck(Hole(prefix, ""), "", find_language(language))
    pieces = [Chunk(answer[at : at + size]) for at in range(0, len(answer), size)]
    ended = [*pieces, Chunk("", 0, "stop")]
    return collect(match_indent_kind(ended, around, judge, at_line_start=True)).text


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("language, around, answer", STAYS.values(), ids=STAYS)
def test_what_is_no_depth_stays(language: str, around: str, answer: str, size: int) -> None:
    assert translate(answer, around, language, size) == answer


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("language, around, answer, text", MOVES.values(), ids=MOVES)
def test_only_depth_is_translated(
    language: str, around: str, answer: str, text: str | None, size: int
) -> None:
    expected = answer.replace("\t", "    ") if text is None else text
    assert translate(answer, around, language, size) == expected


def test_a_hole_in_a_string_is_no_code() -> None:
    before, answer = "f() {\n    cat > Makefile <<E\nall:\n", "\tgcc a.c\n\tgcc b.c\nE\n"
    assert translate(answer, SPACES, "shell", 7, before) == answer
    assert translate(answer, SPACES, "shell", 7, f"{before}E\n") == answer.replace("\t", "    ")


def test_a_parser_is_not_asked_about_every_line_of_a_long_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With 8,000 lines that took eight seconds, and the time grew with their square."""
    asked = list[str]()
    monkeypatch.setattr(SoundnessCheck, "text_behind", lambda check, text: asked.append(text))
    answer = "\tx\n" * (3 * MAX_PARSED_LINES)
    read = match_indent_kind([Chunk(answer, 0, "stop")], SPACES, PYTHON, at_line_start=True)
    assert collect(read).text == answer.replace("\t", "    ")
    assert len(asked) == MAX_PARSED_LINES
