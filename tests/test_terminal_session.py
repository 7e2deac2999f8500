"""The command at a real terminal: what the screen shows, whole, and what never reaches it.

The model here writes its prompt back, so that the answer is what the model was given.
"""

import re
from pathlib import Path

import pytest

from processes import shown, terminal

COLOR = re.compile(rb"\x1b\[[0-9;]*m")
ROW = "x = values[index]  # [/red] :smile: https://example.com " + "-" * 60


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with code in it, and colours as a terminal has them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NO_COLOR")
    (tmp_path / "add.py").write_text(
        "# 1\n# 2\n# 3\n# 4\ndef add(a, b):\n    return a + b\n\n\nprint(add(1, 2))\n# end\n"
    )
    (tmp_path / "hostile.py").write_bytes(
        b"'\x1b]52;c;aGk=\x07\x1b[2J\x9b31m\x08\x0b\x7f\xc2\x9b\xe2\x80\xae\xe2\x80\x8b\xff'\rX\r\n"
        b"end"
    )
    return tmp_path


def test_complete_shows_the_answer_and_ends_its_line() -> None:
    session = terminal("complete", "add.py:6:12", "-m", "echo")
    assert session.lines == (
        "<fim_prefix># 1",
        "# 2",
        "# 3",
        "# 4",
        "def add(a, b):",
        "    return <fim_suffix>a + b",
        "",
        "",
        "print(add(1, 2))",
        "# end",
        "<fim_middle>",
    )
    assert session.code == 0


def test_complete_with_the_text_around_it() -> None:
    session = terminal("complete", "add.py:6:12", "-m", "echo", "--echo", "--max-tokens", "1")
    assert session.lines == (
        "# 1",
        "# 2",
        "# 3",
        "# 4",
        "def add(a, b):",
        "    return <fim_prefix>a + b",
        "",
        "",
        "print(add(1, 2))",
        "# end",
    )


def test_fill_shows_its_lines_in_their_place() -> None:
    session = terminal("fill", "add.py:6", "-m", "echo", "--max-tokens", "1")
    assert session.lines == (
        " 3   # 3",
        " 4   # 4",
        " 5   def add(a, b):",
        " 6 + <fim_prefix>",
        " 7",
        " 8",
        " 9   print(add(1, 2))",
    )
    assert session.code == 0


def test_fill_inside_a_line_shows_the_whole_line() -> None:
    session = terminal("fill", "add.py:6:12-6:17", "-m", "echo", "--max-tokens", "1")
    assert session.lines[3:5] == (" 6 +     return <fim_prefix>", " 7")


def test_fill_in_several_lines_numbers_them() -> None:
    session = terminal("fill", "add.py:1-8", "-m", "echo", "--max-tokens", "4")
    assert session.lines == (
        "1 + <fim_prefix><fim_suffix>",
        "2 + print(add(1, 2))",
        "3 + # end",
        "4 + <fim_middle>",
        "5   print(add(1, 2))",
        "6   # end",
    )


@pytest.mark.parametrize("words", [("--plain",), ("--echo",)])
def test_fill_shows_code_alone_where_that_is_asked_for(words: tuple[str, ...]) -> None:
    session = terminal("fill", "add.py:10", "-m", "echo", "--max-tokens", "1", *words)
    assert not any(line.startswith("10 +") for line in session.lines)
    assert session.code == 0


def test_code_is_coloured_and_the_screen_shows_the_same_without() -> None:
    colored = terminal("fill", "add.py:6", "-m", "echo")
    assert b"\x1b[94mdef\x1b[0m" in colored.raw
    plain = terminal("fill", "add.py:6", "-m", "echo", "--color", "never")
    assert not COLOR.search(plain.raw)
    assert plain.lines == colored.lines


@pytest.mark.parametrize(
    ("words", "environment", "colored"),
    [
        ((), {}, True),
        ((), {"NO_COLOR": "1"}, False),
        (("--color", "always"), {"NO_COLOR": "1", "TERM": "dumb"}, True),
        (("--lang", "text"), {}, False),
    ],
)
def test_who_gets_colors(
    words: tuple[str, ...], environment: dict[str, str], colored: bool
) -> None:
    session = terminal("complete", "add.py", "-m", "echo", *words, columns=80, **environment)
    assert bool(COLOR.search(session.raw)) is colored
    assert session.lines[4] == "def add(a, b):"


def test_a_dumb_terminal_gets_nothing_but_text() -> None:
    session = terminal("complete", "add.py:6:12", "-m", "echo", "--max-tokens", "1", TERM="dumb")
    assert session.raw == b"<fim_prefix>\r\n"


def test_a_narrow_terminal_wraps_lines_and_we_do_not(folder: Path) -> None:
    """What the terminal wraps by itself is one line when it is copied."""
    (folder / "row.py").write_text(ROW)
    for columns in (20, 1):
        session = terminal("complete", "row.py", "-m", "echo", columns=columns, TERM="vt100")
        text = COLOR.sub(b"", session.raw)
        assert text.partition(b"\x1b[K")[2].rpartition(b"\x1b[K")[2] == ROW.encode() + b"\r\n"
        if columns == 20:
            assert "".join(session.lines) == ROW.replace(" " * 2, "  ")


READ = "'␛]52;c;aGk=␇␛[2J\ufffd31m␈␋␡<U+009B><U+202E><U+200B>\ufffd'"
RAW = "'␛]52;c;aGk=␇␛[2J<U+DC9B>31m␈␋␡<U+009B><U+202E><U+200B><U+DCFF>'␍X"


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (("complete", "hostile.py"), (READ, "X", "end")),
        (("complete", "hostile.py", "--show-prompt"), (READ, "X", "end")),
        (
            ("complete", "hostile.py:1:1", "--max-tokens", "1", "--echo"),
            (f"<fim_prefix>{RAW}", "end"),
        ),
        (("fill", "hostile.py:3", "--stop", "'"), (f"1   {READ}", "2   X", "3 + <fim_prefix>")),
    ],
    ids=["answer", "prompt", "echo", "fill"],
)
def test_what_a_terminal_would_obey_is_shown(
    words: tuple[str, ...], lines: tuple[str, ...]
) -> None:
    session = terminal(*words, "-m", "echo", "--color", "never", columns=120, TERM="dumb")
    assert session.lines == lines
    assert not re.search(rb"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]", session.raw)


def test_json_at_a_terminal_is_what_it_is_in_a_pipe() -> None:
    session = terminal("complete", "hostile.py", "-m", "echo", "--json", TERM="dumb")
    assert session.raw.startswith(b'{"text": "\'\\u001b]52;c;aGk=\\u0007')
    assert session.raw.isascii()
    assert b"\x1b" not in session.raw


def test_a_terminal_without_unicode_gets_escapes(folder: Path) -> None:
    (folder / "wide.txt").write_text("日本 \x1b\n")
    session = terminal(
        "complete",
        "wide.txt:1",
        "-m",
        "echo",
        LC_ALL="C",
        PYTHONUTF8="0",
        PYTHONCOERCECLOCALE="0",
        TERM="dumb",
    )
    assert (session.raw, session.code) == (b"\\u65e5\\u672c \\u241b\r\n", 0)


@pytest.mark.parametrize("words", [("complete",), ("fill", "-", "--at", "x")])
def test_nobody_waits_for_input_from_a_terminal(words: tuple[str, ...]) -> None:
    session = terminal(*words, "-m", "echo")
    assert (session.code, session.lines) == (
        2,
        ("error: no input; name a file, or pipe text in",),
    )


def test_the_status_line_makes_way_for_the_answer() -> None:
    session = terminal("complete", "add.py:6:12", "-m", "echo", "--max-tokens", "1")
    status, _, answer = session.raw.rpartition(b"\r\x1b[K")
    assert shown(status, 80) == ("echo is reading …",)
    assert COLOR.sub(b"", answer) == b"<fim_prefix>\r\n"
    quiet = terminal("complete", "add.py:6:12", "-m", "echo", "--max-tokens", "1", "-q")
    assert COLOR.sub(b"", quiet.raw) == b"<fim_prefix>\r\n"
