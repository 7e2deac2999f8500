"""Rows in columns: aligned at a terminal, with tabs in a pipe, and safe in both."""

import os
import pty
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

import pytest

from starcoder_cli.terminal.table import format_columns

HEADING = ("name", "size", "")
ROWS = [HEADING, ("tiny", "1 kB", "here"), ("large one", "12 GB", "")]


@contextmanager
def terminal(columns: int = 80) -> Iterator[None]:
    """Standard output is a terminal, of so many columns."""
    ours, theirs = pty.openpty()
    os.environ["COLUMNS"] = str(columns)  # the fixture for every test puts it back
    with open(theirs, "w", encoding="utf-8") as stream, redirect_stdout(stream):  # noqa: PTH123
        yield
    os.close(ours)


def test_a_pipe_gets_tabs_and_no_heading() -> None:
    assert format_columns(ROWS) == "tiny\t1 kB\there\nlarge one\t12 GB\t\n"
    assert format_columns([HEADING]) == ""
    assert format_columns([("a", "b"), ("c", "")]) == "a\tb\nc\t\n"


def test_a_terminal_gets_columns_with_a_heading() -> None:
    with terminal():
        text = format_columns(ROWS)
    assert text.splitlines() == [
        "name       size",
        "tiny       1 kB   here",
        "large one  12 GB",
    ]


def test_a_line_is_cut_where_the_terminal_ends() -> None:
    rows = [("a" * 50, "b" * 50), ("c", "d")]
    with terminal():
        cut, full = format_columns(rows), format_columns(rows, full_width=True)
    assert cut == f"{'a' * 50}  {'b' * 27}…\nc{' ' * 51}d\n"
    assert full == f"{'a' * 50}  {'b' * 50}\nc{' ' * 51}d\n"


TABLE = [
    ("name", "size", "window", "summary", ""),
    ("starcoder", "4.7 GB", "32768", "fills gaps", ""),
    ("tiny", "9 MB", "8192", "", ""),
]


@pytest.mark.parametrize(
    ("columns", "lines"),
    [
        (38, ["name       size    window  summary", "starcoder  4.7 GB  32768   fills gaps"]),
        (36, ["name       size    window  summary", "starcoder  4.7 GB  32768   fills ga…"]),
        (28, ["name       size    window  …", "starcoder  4.7 GB  32768   …"]),
        (27, ["name       size    …", "starcoder  4.7 GB  …"]),
        (20, ["name       size    …", "starcoder  4.7 GB  …"]),
        (19, ["name       …", "starcoder  …"]),
        (11, ["name…", "starcoder…"]),
        (5, ["name…", "star…"]),
        (1, ["…", "…"]),
    ],
)
def test_a_cut_is_shown_and_never_inside_a_number(columns: int, lines: list[str]) -> None:
    with terminal(columns):
        assert format_columns([row[:4] for row in TABLE]).splitlines()[:2] == lines


def test_wide_characters_take_two_columns() -> None:
    rows = [("名前", "a"), ("e\u0301", "b"), ("plain", "c")]
    with terminal():
        assert format_columns(rows) == "名前   a\ne\u0301      b\nplain  c\n"
    with terminal(4):
        assert format_columns([("名前", "a")]) == "名…\n"


HOSTILE = [("a\tb\nc", "\x1b[31m\u202e"), ("x" * 400, "y")]


def test_a_cell_is_one_line_without_tabs_or_sequences_in_a_pipe() -> None:
    assert format_columns(HOSTILE) == f"a b c\t␛[31m<U+202E>\n{'x' * 299}…\ty\n"


def test_a_cell_is_one_line_without_tabs_or_sequences_at_a_terminal() -> None:
    with terminal():
        text = format_columns(HOSTILE[:1])
    assert text == "a b c  ␛[31m<U+202E>\n"
