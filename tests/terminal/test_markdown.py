"""Markdown at a terminal: shown as it arrives, drawn when whole, hiding and obeying nothing."""

import io
import re
from collections.abc import Sequence
from contextlib import redirect_stdout

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starcoder_cli.postprocess.fences import Fence
from starcoder_cli.terminal.markdown import MarkdownView, render_markdown
from starcoder_cli.terminal.sanitize import UNSAFE_CHARACTERS

SEQUENCE = re.compile(r"\x1b\[[0-9;]*[mAJ]")


def written(pieces: Sequence[str], *, live: bool = True, stopped: bool = False) -> str:
    """What the view writes for an answer that arrives in pieces."""
    data = io.BytesIO()
    out = io.TextIOWrapper(data, encoding="utf-8", newline="")
    with redirect_stdout(out):
        view = MarkdownView(live=live)
        view.begin()
        for piece in pieces:
            view.show(piece)
        if stopped:
            view.abandon()
        else:
            view.close()
        return data.getvalue().decode()


def cut_up(text: str, size: int) -> list[str]:
    """A text in pieces of one size."""
    return [text[at : at + size] for at in range(0, len(text), size)]


def rows(output: str) -> list[str]:
    """What a terminal of 80 columns and 24 rows has shown after some output, from its first row."""
    shown = pyte.HistoryScreen(80, 24, history=1000)
    pyte.Stream(shown).feed(output.replace("\n", "\r\n"))
    above = ["".join(row[at].data for at in range(80)) for row in shown.history.top]
    return "\n".join(row.rstrip() for row in (*above, *shown.display)).rstrip().split("\n")


def drawn(text: str) -> list[str]:
    """The rows of an answer that arrives whole."""
    return rows(written([text]))


ANSWER = """\
# Reading *files*

Use `open` in a **with** statement; it closes the file for you, even where there was an error in it.
1. First:
   ```python
   with open(name) as file:
       for line in file:
           print(line, end="")
   ```
2. Then **nothing**.

- one
  - two


- three

> Said
> somebody.

| a | b |
|---|---|
| 1 | 2 |

The\tend
"""
SHOWN = [
    "Reading files",
    "",
    "Use open in a with statement; it closes the file for you, even where there was",
    "an error in it.",
    " 1 First:",
    "",
    "with open(name) as file:",
    "    for line in file:",
    '        print(line, end="")',
    "",
    " 2 Then nothing.",
    "",
    " • one",
    "    • two",
    "",
    " • three",
    "",
    "▌ Said somebody.",
    "",
    " a  b",
    " ────",
    " 1  2",
    "",
    "The    end",
]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_an_answer_is_drawn_alike_however_it_arrives(size: int) -> None:
    assert rows(written(cut_up(ANSWER, size))) == SHOWN
    assert rows(written(cut_up(ANSWER, size), live=False)) == SHOWN


def test_an_answer_that_is_not_live_is_written_without_going_back() -> None:
    output = written(cut_up(ANSWER.partition("1.")[0], 3), live=False)
    assert output == (
        "\x1b[1;35mReading \x1b[0m\x1b[1;3;35mfiles\x1b[0m\n\n"
        "Use \x1b[36mopen\x1b[0m in a \x1b[1mwith\x1b[0m statement; it closes the file for you, "
        "even where there was\nan error in it.\n"
    )


def test_each_piece_is_shown_at_once() -> None:
    data = io.BytesIO()
    with redirect_stdout(io.TextIOWrapper(data, encoding="utf-8", newline="")):
        view = MarkdownView(live=True)
        view.begin()
        view.show("He")
        assert data.getvalue() == b"He"
        view.show("llo *")
        assert data.getvalue() == b"Hello *"


@pytest.mark.parametrize(
    "line",
    [
        "values[index] and row[/b] and [red]x[/] :smile: and [a](http://b) ![c](d)",
        "__init__ and snake_case_name and _x and 2 * 3 * 4 and a_b_c",
        "vector<int> and <b>bold</b> and <!-- this --> and <http://x.y>",
        "&lt; &amp; &#27;[2J &#x202e; &nbsp;",
        "[ref]: http://example.com",
        "<div class='x'>",
    ],
)
def test_nothing_is_eaten(line: str) -> None:
    assert drawn(line) == [line]
    assert drawn(f"`{line}`") == [line]


CODE = [
    "def f(values, index):  # a line that is longer than the terminal has columns, by far, by far",
    "\treturn values[index] + row[/b] + ':smile: [red]x[/]'",
    "",
    "# no *heading*, 1. and - no lists, | no | table |",
    "    ",
    "x = 1",
]


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize("language", ["python", "", "no-such-language"])
def test_code_is_neither_wrapped_nor_padded_nor_read_as_markdown(language: str, size: int) -> None:
    text = "\n".join([f"```{language}", *CODE, "```", ""])
    plain = SEQUENCE.sub("", written(cut_up(text, size)))
    lines = [line.rpartition("\r")[2] for line in plain.split("\n")]
    assert lines == [*CODE, ""]


def test_code_without_an_end_is_shown_to_its_end() -> None:
    assert drawn("So:\n```python\nx = 1\n``") == ["So:", "", "x = 1", "``"]


def test_code_alone_can_be_opened_from_outside() -> None:
    with redirect_stdout(io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")) as out:
        view = MarkdownView(live=True)
        view.open_code(Fence("", "```", "python"))
        view.begin()
        view.show("# one\ndef f(): pass\n")
        view.close()
        data = out.buffer
        assert isinstance(data, io.BytesIO)
        assert rows(data.getvalue().decode()) == ["# one", "def f(): pass"]


def test_indented_code_stays_as_it_arrived() -> None:
    assert drawn("So:\n\n    x  =  1\n    y = [ 2,\n          3 ]\n") == [
        "So:",
        "",
        "    x  =  1",
        "    y = [ 2,",
        "          3 ]",
    ]


@pytest.mark.parametrize("words", [600, 2000])
def test_a_part_that_is_taller_than_the_screen_stays_as_it_arrived(words: int) -> None:
    """What has left the screen cannot be drawn over; what was above it must not be."""
    text = " ".join(f"w{number}" for number in range(words)) + " *end*"
    output = written(["above\n\n", *cut_up(text, 50)])
    whole = "".join(row.ljust(80) for row in rows(output)[2:])
    assert rows(output)[:2] == ["above", ""]
    assert whole.rstrip() == text


def test_a_part_whose_width_terminals_disagree_on_stays_as_it_arrived() -> None:
    assert "*family*" in written(["\U0001f468\u200d\U0001f469\u200d\U0001f467 *family*"])
    assert "*family*" not in written(["family *family*"]).rpartition("\x1b[J")[2]


def test_wide_characters_are_drawn_over_exactly() -> None:
    text = "x" + "漢字" * 60
    assert len(drawn(f"above\n\n{text} *end*")) == len(drawn(f"above\n\n{text} end")) == 6


def test_an_answer_that_is_stopped_stays_as_it_is() -> None:
    assert written(["Some *wor"], stopped=True) == "Some *wor\n"
    assert written(["Some *words*\n"], stopped=True) == "Some *words*\n"
    assert rows(written(["```c\nint ma"], stopped=True)) == ["int ma"]
    assert written(["Some *words*"], stopped=True, live=False) == "Some \x1b[3mwords\x1b[0m\n"


HOSTILE = (
    "\x1b[2Ja\x1b]52;c;aGk=\x07b\x1b]8;;http://evil\x1b\\c\x9b31md\x9d0;t\x9ce\bf\rg\x7f\n"
    "\u202eh\u2066i\u200bj\U000e0041k\ufeffl\x1bP+q\x1b\\m &#27;[2J &#x202e; &#x9b;2J\n"
)


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
@pytest.mark.parametrize(
    "text",
    [
        HOSTILE,
        f"# {HOSTILE}",
        f"- {HOSTILE}- x",
        f"```{HOSTILE}```\nx",
        f"```py\n{HOSTILE}```",
        f"| a |\n|---|\n| {HOSTILE}",
        f"[x]({HOSTILE})",
    ],
)
def test_nothing_is_obeyed(text: str, size: int) -> None:
    obeyed = SEQUENCE.sub("", written(cut_up(text, size))).replace("\r", "")
    assert UNSAFE_CHARACTERS.findall(obeyed) == []


PIECES = ["`", "```", "~~~", "*", "_", "#", "# ", "- ", "1. ", "> ", "|", "|-", "\n", "\n\n", " "]
PIECES += ["    ", "\t", "word", "[", "](", ")", "<b>", "&#27;", "\x1b[2J", "\x9b", "\r", "\r\n"]
PIECES += ["\u202e", "漢", "\\", "---", "==", "e\u0301", "\ufe0f", "x" * 90]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=25))
def test_whatever_arrives_is_drawn_and_not_obeyed(pieces: list[str]) -> None:
    for live in (True, False):
        output = written(pieces, live=live)
        assert UNSAFE_CHARACTERS.findall(SEQUENCE.sub("", output).replace("\r", "")) == []
        assert output == "" or output.endswith(("\n", "J"))


def test_a_drawn_part_has_no_spaces_at_the_ends_of_its_lines() -> None:
    text = "- " + "word " * 40 + "\n  - **bold** `code` \n\n> quote\n\n## Heading"
    shown = SEQUENCE.sub("", render_markdown(text, 40))
    assert [line for line in shown.split("\n") if line != line.rstrip()] == []
