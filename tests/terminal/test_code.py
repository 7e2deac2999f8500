"""Code on a terminal: as typed, in its colours, and with nothing in it that a terminal obeys."""

import re
from collections.abc import Callable, Sequence

import pyte
import pytest

from starcoder_cli.files.source import Place, Source
from starcoder_cli.terminal.code import MAX_COLORED_CHARACTERS, CodeView, Highlighter, HoleView
from starcoder_cli.terminal.output import View
from starcoder_cli.terminal.sanitize import sanitize

COLOR = re.compile("\x1b\\[[0-9;]*m")
Capture = pytest.CaptureFixture[bytes]


@pytest.fixture
def written(capfdbinary: Capture) -> Callable[[View, Sequence[str]], str]:
    """What a view writes for an answer that arrives in pieces."""

    def write(view: View, pieces: Sequence[str]) -> str:
        view.begin()
        for piece in pieces:
            view.show(piece)
        view.close()
        return capfdbinary.readouterr().out.decode()

    return write


Written = Callable[[View, Sequence[str]], str]


def cut_up(text: str, size: int) -> list[str]:
    """A text in pieces of one size."""
    return [text[at : at + size] for at in range(0, len(text), size)]


def screen(output: str, columns: int = 80) -> pyte.Screen:
    """What a terminal shows after some output."""
    shown = pyte.Screen(columns, 24)
    pyte.Stream(shown).feed(output.replace("\n", "\r\n"))
    return shown


def rows(shown: pyte.Screen) -> list[str]:
    """The rows of a terminal that are not blank at its end."""
    return "\n".join(row.rstrip() for row in shown.display).rstrip().split("\n")


def colors(shown: pyte.Screen, row: int) -> dict[str, str]:
    """The colour of each word in a row."""
    cells = [shown.buffer[row][column] for column in range(shown.columns)]
    text = "".join(cell.data for cell in cells)
    return {match.group(): cells[match.start()].fg for match in re.finditer(r"\w+", text)}


CODE = 'def f(values, index):\n\treturn values[index] + row[/b] + ":smile: [red]x[/]"  # a\n'


@pytest.mark.parametrize("size", [1, 2, 3, 7, len(CODE)])
def test_code_arrives_as_typed(size: int, written: Written) -> None:
    plain = written(CodeView(Highlighter("python", False), "", ""), cut_up(CODE, size))
    assert plain == CODE
    colored = written(CodeView(Highlighter("python", True), "", ""), cut_up(CODE, size))
    assert rows(screen(colored)) == rows(screen(CODE))


@pytest.mark.parametrize("size", [1, 2, 3, 7, len(CODE)])
def test_a_whole_line_has_the_colours_of_its_language(size: int, written: Written) -> None:
    """While it arrives, `de` is a name; with its `f` the line is written over."""
    shown = screen(written(CodeView(Highlighter("python", True), "", ""), cut_up(CODE, size)))
    assert colors(shown, 0) == {
        "def": "brightblue",
        "f": "brightgreen",
        "values": "default",
        "index": "default",
    }
    assert colors(shown, 1)["return"] == "brightblue"


def test_a_lexer_that_takes_too_long_is_used_no_more() -> None:
    """Of lines of two words pygments' lexer for C# reads all from each word."""
    highlighter, text = Highlighter("csharp", color=True), "a a\n" * 1000
    calls = 0
    while highlighter.color and calls < 1000:
        assert len(highlighter.styles_for(text, "int x;\n")) == len("int x;\n")
        calls += 1
    assert not highlighter.color
    assert highlighter.styles_for("", "int x;") == [""] * 6


def test_a_lexer_of_the_usual_speed_is_used_on() -> None:
    highlighter, text = Highlighter("python", color=True), "x = f(a, 'b')  # c\n" * 200
    for _ in range(50):
        assert any(highlighter.styles_for(text, "return 1\n"))


def test_colours_depend_on_the_text_before(written: Written) -> None:
    view = CodeView(Highlighter("python", True), 'x = """one\ntwo ', "", echo=False)
    assert colors(screen(written(view, ["def", " three\n"])), 0) == {
        "def": "brown",
        "three": "brown",
    }


def test_each_piece_is_written_at_once(capfdbinary: Capture) -> None:
    view = CodeView(Highlighter("python", False), "", "")
    view.begin()
    view.show("de")
    assert capfdbinary.readouterr().out == b"de"
    view.show("f\n\n")
    assert capfdbinary.readouterr().out == b"f\n\n"


def test_a_long_line_is_neither_wrapped_nor_written_over(written: Written) -> None:
    line = "def " + "a" * 200 + "(): pass"
    for size in (1, 50, 300):
        output = written(CodeView(Highlighter("python", True), "", ""), cut_up(line, size))
        assert COLOR.sub("", output) == line + "\n"


def test_a_very_long_line_is_plain_from_some_place_on(written: Written) -> None:
    """Each piece of it would have all of it read anew."""
    line = "x = " + "'a', " * 1000
    for size in (1, 7, 5000):
        output = written(
            CodeView(Highlighter("python", True), "", ""), [*cut_up(line, size), "\nx = 1"]
        )
        assert COLOR.sub("", output) == line + "\nx = 1\n"
        assert "\x1b[" in output.rpartition("x = ")[2]


HOSTILE = (
    "\x1b[2Ja\x1b]52;c;aGk=\x07b\x1b]8;;http://evil\x1b\\c\x9b31md\x9d0;t\x9ce\bf\rg\x7f\n"
    "\u202eh\u2066i\u200bj\U000e0041k\ufeffl\x1bP+q\x1b\\m\n\ttab 日本 👩\u200d💻 e\u0301\n"
)


@pytest.mark.parametrize("size", range(1, 12))
def test_what_a_terminal_would_obey_is_shown(size: int, written: Written) -> None:
    plain = written(CodeView(Highlighter("text", True), "", ""), cut_up(HOSTILE, size))
    assert plain == sanitize(HOSTILE)
    colored = written(CodeView(Highlighter("python", True), "", ""), cut_up(HOSTILE, size))
    bare = [line.rpartition("\r")[2] for line in COLOR.sub("", colored).split("\n")]
    assert bare == sanitize(HOSTILE).split("\n")


@pytest.mark.parametrize("size", range(1, 8))
def test_carriage_returns_belong_to_line_ends_or_are_shown(size: int, written: Written) -> None:
    text = "a\r\nb\r\r\n\r\nc\rd\r"
    output = written(CodeView(Highlighter("python", False), "", ""), cut_up(text, size))
    assert output == "a\nb␍\n\nc␍d␍\n"


def test_an_echo_has_the_text_around_the_answer(written: Written) -> None:
    view = CodeView(Highlighter("python", False), "a\r\nb = ", "\r\nc\r\n", echo=True)
    assert written(view, ["1", " + 2"]) == "a\nb = 1 + 2\nc\n"


def test_a_long_echo_is_read_once(written: Written) -> None:
    """It took a second for every fifty lines once."""
    before = "def f():\n    return 1\n" * 1000
    output = written(CodeView(Highlighter("python", True), before, "", echo=True), ["x"])
    assert COLOR.sub("", output) == before + "x\n"
    assert output.count("\x1b[94mdef") == 1000


def test_what_is_too_long_to_read_is_plain(written: Written) -> None:
    before = ("a = 1" + " " * 1000 + "\n") * (MAX_COLORED_CHARACTERS // 1000)
    view = CodeView(Highlighter("python", True), before, "", echo=True)
    assert written(view, ["b\n"]) == before + "b\n"


def test_an_answer_that_broke_off_ends_its_line(capfdbinary: Capture) -> None:
    view = CodeView(Highlighter("python", False), "", "after", echo=True)
    view.begin()
    view.show("a = ")
    view.abandon()
    view = CodeView(Highlighter("python", False), "", "after", echo=True)
    view.begin()
    view.show("b\n")
    view.abandon()
    assert capfdbinary.readouterr().out == b"a = \nb\n"


def in_place(text: str, place: str, color: bool = False) -> HoleView:
    """The view of a hole in a Python file."""
    source = Source("f.py", text)
    return HoleView(Highlighter("python", color), source, source.span_of(Place.parse(place)), color)


FILE = """\
import math


def area(radius):
    # the area of a circle
    return TODO


def length(radius):
    return 2 * math.pi * radius


print(area(2), length(2))
"""


@pytest.mark.parametrize("size", [1, 3, 100])
def test_a_fill_stands_between_its_lines(size: int, written: Written) -> None:
    answer = "    square = radius * radius\n    return math.pi * square"
    assert written(in_place(FILE, "f.py:6"), cut_up(answer, size)) == (
        " 3   \n"
        " 4   def area(radius):\n"
        " 5       # the area of a circle\n"
        " 6 +     square = radius * radius\n"
        " 7 +     return math.pi * square\n"
        " 8   \n"
        " 9   \n"
        "10   def length(radius):\n"
    )


def test_tab_stops_stay_where_they_are(written: Written) -> None:
    """Numbers of five columns in all moved them: one tab took three columns, two took eleven."""
    text = "def f():\n\tif a:\n\t\tTODO\n"
    for code in (text, "\n" * 10 + text, text + "\n" * 100_000):
        place = f"f.py:{code[: code.index('TODO')].count(chr(10)) + 1}"
        output = written(in_place(code, place), ["\t\tb\n", "\t\tc"])
        lines = [line.expandtabs() for line in output.splitlines() if line.strip(" 0123456789+")]
        gutter = 16 if len(code) > 99_999 else 8
        assert [line[gutter:] for line in lines] == [
            "def f():",
            "        if a:",
            "                b",
            "                c",
        ]


def test_a_fill_in_colour_is_marked_and_the_lines_around_it_are_dim(written: Written) -> None:
    output = written(in_place("a = 1\nb = 2\nc = 3\n", "f.py:2", color=True), ["b = ", "4"])
    assert output == (
        "\x1b[2m1   a = 1\x1b[0m\n"
        "\x1b[32m2 + \x1b[0mb = \x1b[94m4\x1b[0m\n"
        "\x1b[2m3   c = 3\x1b[0m\n"
    )


def test_a_line_in_its_place_is_written_over_behind_its_number(written: Written) -> None:
    output = written(in_place("a = 1\n\nc = 3\n", "f.py:2", color=True), ["de", "f b(): 0"])
    shown = screen(output)
    assert rows(shown) == ["1   a = 1", "2 + def b(): 0", "3   c = 3"]
    assert colors(shown, 1)["def"] == "brightblue"


@pytest.mark.parametrize(
    ("text", "place", "answer", "shown"),
    [
        ("print(max(), 1)\n", "f.py:1:11", "a, b", "1 + print(max(a, b), 1)\n"),
        ("a\nc\n", "f.py:2:1", "b\n", "1   a\n2 + b\n3 + c\n"),
        ("a\n", "f.py:2", "b\n", "1   a\n2 + b\n"),
        ("a\n", "f.py:2", "b", "1   a\n2 + b\n"),
        ("", "f.py:1", "a\nb", "1 + a\n2 + b\n"),
        ("a\nb\n", "f.py:2", "", "1   a\n2 + \n"),
        ("a\nb\nc", "f.py:2", "b\n\nd\n", "1   a\n2 + b\n3 + \n4 + d\n5 + \n6   c\n"),
        ("a\r\nb\r\nc\r\n", "f.py:2", "x\r\ny", "1   a\n2 + x\n3 + y\n4   c\n"),
        ("\x1b[2J\nb\n\x9b\n", "f.py:2", "\x1b", "1   ␛[2J\n2 + ␛\n3   <U+009B>\n"),
        ("a\nb\nc\n", "f.py:2", "x\r", "1   a\n2 + x␍\n3   c\n"),
    ],
)
def test_lines_are_numbered_as_they_will_be(
    text: str, place: str, answer: str, shown: str, written: Written
) -> None:
    assert written(in_place(text, place), [answer]) == shown
