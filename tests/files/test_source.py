"""Places, positions and bytes: what a source keeps, and where a hole in it is."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starcoder_cli.errors import DataError, InputError, StarcoderError, UsageError, WriteError
from starcoder_cli.files.source import (
    MAX_SOURCE_BYTES,
    FileMetadata,
    Place,
    Position,
    Source,
    Span,
    decode_source,
    find_file_metadata,
)
from starcoder_cli.model import Hole
from streams import standard_input

few_examples = settings(max_examples=30, deadline=None, derandomize=True)

PIECES = [
    *("a", "é", "e\u0301", "日本", "👩\u200d💻", " ", "\t", "\x0c", "\u2028"),
    *("\n", "\r\n", "\r", "\ufeff", "\udcff", "\udc80"),
]
raw_texts = (
    st.lists(st.sampled_from(PIECES), max_size=40)
    .map("".join)
    .map(
        # What no bytes decode to, such as lone surrogates that make up a valid character.
        lambda text: text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    )
)


def utf8(text: str) -> bytes:
    """The bytes that a source's text came from."""
    return text.encode("utf-8", "surrogateescape")


# The grammar of places


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a.py", Place("a.py")),
        ("a.py:3", Place("a.py", Position(3))),
        ("a.py:3:7", Place("a.py", Position(3, 7))),
        ("a.py:3-5", Place("a.py", Position(3), Position(5))),
        ("a.py:3:7-5", Place("a.py", Position(3, 7), Position(5))),
        ("a.py:3-5:2", Place("a.py", Position(3), Position(5, 2))),
        ("a.py:3:7-5:2", Place("a.py", Position(3, 7), Position(5, 2))),
        ("-", Place("-")),
        ("-:3", Place("-", Position(3))),
        (r"C:\code\a.py", Place(r"C:\code\a.py")),
        (r"C:\code\a.py:3", Place(r"C:\code\a.py", Position(3))),
        (r"C:\code\a.py:3:7-5", Place(r"C:\code\a.py", Position(3, 7), Position(5))),
        ("a:b:3", Place("a:b", Position(3))),
        ("a:1:2:3", Place("a:1", Position(2, 3))),
        ("with space.py:3", Place("with space.py", Position(3))),
        ("two\nlines.py:3", Place("two\nlines.py", Position(3))),
        ("--help:3", Place("--help", Position(3))),
        ("[red].py:3", Place("[red].py", Position(3))),
        ("caf\udce9.py:3", Place("caf\udce9.py", Position(3))),
        ("a.py:", Place("a.py:")),
        ("a.py:x", Place("a.py:x")),
        ("a.py:-3", Place("a.py:-3")),
        ("a.py:3-", Place("a.py:3-")),
        ("a.py:٣", Place("a.py:٣")),
        (":3", Place(":3")),
        ("", Place("")),
        ("a.py:" + "9" * 5000, Place("a.py:" + "9" * 5000)),
    ],
)
def test_a_place_is_a_file_and_where_in_it(text: str, place: Place) -> None:
    assert Place.parse(text) == place


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("f.go:13,20", Place("f.go", Position(13), Position(20))),
        ("f.go:13:", Place("f.go", Position(13))),
        ("f.go:13:5: undefined: x", Place("f.go", Position(13, 5))),
        ("f.go#L13", Place("f.go", Position(13))),
        ("f.go#L13-L20", Place("f.go", Position(13), Position(20))),
        ("f.go#L13C5-L20C1", Place("f.go", Position(13, 5), Position(20, 1))),
        ("f.ts(13)", Place("f.ts", Position(13))),
        ("f.ts(13,5): error TS2304: no name", Place("f.ts", Position(13, 5))),
        ("f.cs(13,5,14,9)", Place("f.cs", Position(13, 5), Position(14, 9))),
        ('  File "f.py", line 13, in area', Place("f.py", Position(13))),
        ("C#/f.cs#L1", Place("C#/f.cs", Position(1))),
        ("a(1)/f.c:2", Place("a(1)/f.c", Position(2))),
    ],
)
def test_what_other_programs_call_a_place_is_one(text: str, place: Place) -> None:
    assert Place.parse(text) == place


@pytest.mark.parametrize(
    "rest", [":abc", "#13", "#Lx", "(x)", ":13:x", ":", ":-3", ":13-", "#L13-20x", ":13..20"]
)
def test_what_is_no_place_in_a_file_says_what_one_looks_like(
    rest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("f.go", "a:b(c)#d.py"):
        Path(name).touch()
        with pytest.raises(UsageError) as caught:
            Place.parse(name + rest)
        hint = "a place is FILE:LINE, FILE:LINE:COL or FILE:LINE-LINE"
        assert str(caught.value) == f"{rest!r} is not a place in {name}; {hint}"


@pytest.mark.parametrize("text", ["13:5", "13:5-20", "13,20:1", "13"])
def test_a_place_without_a_file(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if text.startswith("13:"):
        with pytest.raises(UsageError, match="names no file; a place is FILE:LINE"):
            Place.parse(text)
    Path("13").touch()
    assert Place.parse(text).path == ("13,20" if "," in text else "13")


@pytest.mark.parametrize("name", ["a.py:3", "a:3:7-5", "dir:3", "f.go#L13", "f(1)", "f:1,2"])
def test_the_name_of_a_file_that_exists_is_that_file(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).touch()
    assert Place.parse(name) == Place(name)


# Ranges

TEXT = "one\ntwo wörds\n\n\tlast"


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("f:1", "one"),
        ("f:2", "two wörds"),
        ("f:3", ""),
        ("f:4", "\tlast"),
        ("f:1-2", "one\ntwo wörds"),
        ("f:1-4", TEXT),
        ("f:2:5", ""),
        ("f:2:5-2", "wörds"),
        ("f:2:5-2:7", "wö"),
        ("f:2:5-2:10", "wörds"),
        ("f:2-3:1", "two wörds\n"),
        ("f:1:4-2:1", "\n"),
        ("f:4:2", ""),
        ("f:4:6", ""),
    ],
)
def test_a_range_ends_with_its_last_line_or_before_its_last_column(
    place: str, expected: str
) -> None:
    source = Source("f", TEXT)
    span = source.span_of(Place.parse(place))
    assert source.raw[span.start : span.end] == expected


@pytest.mark.parametrize(
    ("place", "read"),
    [
        ("f", TEXT),
        ("f:1", "one"),
        ("f:2", "one\ntwo wörds"),
        ("f:2:1", "one\n"),
        ("f:2:5", "one\ntwo "),
        ("f:3", "one\ntwo wörds\n"),
        ("f:4:6", TEXT),
    ],
)
def test_a_completion_continues_everything_up_to_its_place(place: str, read: str) -> None:
    source = Source("f", TEXT)
    span = source.span_after(Place.parse(place))
    assert source.hole_at(span) == Hole(read, TEXT.removeprefix(read))


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_everything_is_all_but_the_byte_order_mark(mark: str) -> None:
    source = Source("f", mark + TEXT)
    assert source.hole_at(source.whole_span()) == Hole("", "")
    assert source.raw[source.whole_span().start :] == TEXT


@pytest.mark.parametrize(
    ("line", "column", "before"),
    [
        ("日本語", 3, "日本"),
        ("e\u0301x", 3, "e\u0301"),
        ("👩\u200d💻x", 4, "👩\u200d💻"),
        ("\ta", 2, "\t"),
        ("\udcff\udc80x", 3, "\ufffd"),
        ("\ufeffabc", 2, "a"),
        ("a\u2028b", 3, "a\u2028"),
    ],
)
def test_columns_count_unicode_characters(line: str, column: int, before: str) -> None:
    source = Source("f", line)
    span = source.span_after(Place("f", Position(1, column)))
    assert source.hole_at(span).prefix == before


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("f:0", "f has no line 0; its lines are 1 to 4"),
        ("f:5", "f has no line 5; its lines are 1 to 4"),
        ("f:2-9", "f has no line 9; its lines are 1 to 4"),
        (f"f:{10**50}", f"f has no line {10**50}; its lines are 1 to 4"),
        ("f:2:0", "line 2 of f has no column 0; its columns are 1 to 10"),
        ("f:2:11", "line 2 of f has no column 11; its columns are 1 to 10"),
        ("f:3:2", "line 3 of f has no column 2; its only column is 1"),
        ("f:3-2", "2 comes before 3; write the earlier one first"),
        ("f:2:5-2:3", "2:3 comes before 2:5; write the earlier one first"),
        (
            "f",
            "'f' does not say what to fill; "
            "write FILE:LINE, FILE:LINE-LINE, or mark the place and use --at",
        ),
    ],
)
def test_a_range_that_is_not_there_is_an_error_that_names_what_is(place: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        Source("f", TEXT).span_of(Place.parse(place))
    assert str(caught.value) == message


def test_a_completion_has_one_position() -> None:
    with pytest.raises(UsageError) as caught:
        Source("f", TEXT).span_after(Place.parse("f:1-2"))
    assert str(caught.value) == (
        "a completion continues from one position, not from a range; "
        "write f:1, or use `starcoder fill`"
    )


# Markers


@pytest.mark.parametrize(
    ("text", "marker", "hole"),
    [
        ("a = <FILL>\n", "<FILL>", Hole("a = ", "\n")),
        ("<FILL>", "<FILL>", Hole("", "")),
        ("<FILL>b", "<FILL>", Hole("", "b")),
        ("a\r\n# here\r\nb", "# here", Hole("a\n", "\nb")),
        ("a.c abc", "a.c", Hole("", " abc")),
        ("\udcff", "\udcff", Hole("", "")),
    ],
)
def test_a_marker_is_where_a_hole_is(text: str, marker: str, hole: Hole) -> None:
    source = Source("f", text)
    assert source.hole_at(source.span_of_marker(marker)) == hole


@pytest.mark.parametrize(
    ("name", "text", "marker", "message"),
    [
        ("f", "a", "<FILL>", "the marker '<FILL>' is not in f; put it in exactly once"),
        ("-", "a", "X", "the marker 'X' is not in standard input; put it in exactly once"),
        ("f", "X X", "X", "the marker 'X' stands 2 times in f; put it in exactly once"),
        ("f", "aaa", "aa", "the marker 'aa' stands 2 times in f; put it in exactly once"),
        ("f", "a", "", "the marker '' is not in f; put it in exactly once"),
    ],
)
def test_a_marker_stands_in_the_text_exactly_once(
    name: str, text: str, marker: str, message: str
) -> None:
    with pytest.raises(DataError) as caught:
        Source(name, text).span_of_marker(marker)
    assert str(caught.value) == message


# Inside a line


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("x = f(«»)", True),
        ("x = f(«a»)", True),
        ("x = «1»", True),
        ("«x» = 1", True),
        ("x = «»", False),
        ("«»x = 1", False),
        ("    «»x = 1", False),
        ("«x = 1»", False),
        ("    «x = 1»  ", False),
        ("«»", False),
        ("a\n«»\nb", False),
        ("x = «1\ny» = 2", False),
        ("«x = 1\n»y = 2", False),
        ("a\r\nx = f(«»)\r\nb", True),
        ("a\r«\n»b", False),
        ("«\ufeff»a", True),
    ],
)
def test_a_hole_inside_a_line_has_code_beside_it_that_stays(text: str, inside: bool) -> None:
    """A hole that began in the middle of a line end, or at a byte order mark, was a crash once."""
    before, hole, after = text.replace("»", "«").split("«")
    source = Source("f", before + hole + after)
    assert source.is_inside_line(Span(len(before), len(before + hole))) == inside


# Bytes


@few_examples
@given(raw_texts, st.data())
def test_everything_outside_a_hole_stays_as_it_was(raw: str, data: st.DataObject) -> None:
    source = Source("f", raw)
    start = data.draw(st.integers(0, len(raw)))
    end = data.draw(st.integers(start, len(raw)))
    span = Span(start, end)
    assert utf8(source.splice(span, raw[start:end])) == utf8(raw)
    spliced = source.splice(span, "new\n")
    assert (spliced[:start], spliced[start + 4 :]) == (raw[:start], raw[end:])
    assert utf8(source.splice(span, "")) == utf8(raw[:start]) + utf8(raw[end:])
    source.is_inside_line(span)  # has an answer for every range


@few_examples
@given(raw_texts)
def test_every_line_of_every_text_can_be_named(raw: str) -> None:
    source = Source("f", raw)
    for number, line in enumerate(source.lines, 1):
        width = line.end - line.start
        assert source.span_of(Place("f", Position(number))) == line
        assert source.span_after(Place("f", Position(number, width + 1))).start == line.end
    ends = [raw[a.end : b.start] for a, b in zip(source.lines, source.lines[1:], strict=False)]
    assert set(ends) <= {"\n", "\r\n", "\r"}
    texts = [raw[line.start : line.end] for line in source.lines]
    assert not any("\n" in text or "\r" in text for text in texts)


@few_examples
@given(raw_texts)
def test_a_model_reads_line_feeds_and_whole_characters(raw: str) -> None:
    hole = Source("f", raw).hole_at(Span(len(raw), len(raw)))
    assert not set("\r\udcff\udc80") & set(hole.prefix)
    assert not hole.prefix.startswith("\ufeff") or raw.startswith("\ufeff\ufeff")
    assert hole.suffix == ""


@pytest.mark.parametrize(
    ("raw", "newline"),
    [
        ("", "\n"),
        ("a", "\n"),
        ("a\n", "\n"),
        ("a\r\n", "\r\n"),
        ("a\rb\r", "\r"),
        ("a\r\nb\r\nc\n", "\r\n"),
        ("a\nb\nc\r\n", "\n"),
        ("a\nb\r\n", "\n"),
    ],
)
def test_the_newline_is_the_one_that_most_lines_have(raw: str, newline: str) -> None:
    assert Source("f", raw).newline == newline


# Reading


@pytest.mark.parametrize(
    "data",
    [b"", b"a\r\nb", b"\xef\xbb\xbfa\n", b"a\xff\xfeb\n", b"\xed\xa0\x80", "日本\n".encode()],
)
def test_every_byte_of_a_file_is_kept(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(data)
    assert utf8(Source.read(str(path)).raw) == data
    with standard_input(data):
        assert utf8(Source.read("-").raw) == data


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            b"\xff\xfea\0",
            "f is UTF-16; convert it, for example with `iconv -t utf-8`",
        ),
        (
            b"\xfe\xff\0a",
            "f is UTF-16; convert it, for example with `iconv -t utf-8`",
        ),
        (b"\x89PNG\0", "f looks binary (NUL at byte 4); give a text file"),
    ],
)
def test_what_is_not_text_is_an_error(data: bytes, message: str) -> None:
    with pytest.raises(DataError) as caught:
        decode_source(data, "f")
    assert str(caught.value) == message


def failure(path: str) -> tuple[type[StarcoderError], str]:
    """How reading a path fails."""
    with pytest.raises(StarcoderError) as caught:
        Source.read(path)
    return type(caught.value), str(caught.value)


def test_a_path_that_is_no_text_file_is_an_error_and_never_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("loop").symlink_to("loop")
    os.mkfifo("pipe")
    Path("file").touch()
    irregular = "is not a regular file; use - to read standard input"
    assert failure("missing") == (
        InputError,
        "cannot read missing: No such file or directory; check the name",
    )
    assert failure("folder") == (InputError, "folder is a folder; name a file in it")
    assert failure("pipe") == (InputError, f"pipe {irregular}")
    assert failure("/dev/null") == (InputError, f"/dev/null {irregular}")
    assert failure("file/x") == (
        InputError,
        "cannot read file/x: Not a directory; check the name",
    )
    assert failure("loop")[0] is InputError
    assert failure("a\0b") == (InputError, "cannot read a\0b: embedded null byte; check the name")
    assert failure("n" * 300)[0] is InputError


@pytest.fixture
def nobody() -> Iterator[None]:
    """The rights of an ordinary user, who may not read everything."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    yield
    os.seteuid(before)


def test_a_file_that_may_not_be_read_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nobody: None
) -> None:
    secret = tmp_path / "secret"
    if os.geteuid() != 65534:
        secret.touch(0o000)
    monkeypatch.chdir("/")
    assert failure(str(secret)) == (
        InputError,
        f"cannot read {secret}: Permission denied; check the name",
    )


def test_a_source_is_at_most_16_mib(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"a" * MAX_SOURCE_BYTES)
    assert len(Source.read(str(path)).raw) == MAX_SOURCE_BYTES
    with path.open("ab") as file:
        file.write(b"a")
    hint = "is larger than 16 MiB; give the part that matters"
    assert failure(str(path)) == (DataError, f"{path} {hint}")
    with path.open("rb") as sys_stdin, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", sys_stdin)
        assert failure("-") == (DataError, f"standard input {hint}")


def test_a_pipe_that_the_shell_opened_is_read() -> None:
    """As in `starcoder complete <(git show HEAD:a.py)`."""
    read, write = os.pipe()
    os.write(write, b"a = 1\n")
    os.close(write)
    try:
        assert Source.read(f"/dev/fd/{read}").raw == "a = 1\n"
    finally:
        os.close(read)


def test_standard_input_without_text_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    leader, follower = os.openpty()
    with os.fdopen(follower) as terminal, os.fdopen(leader):
        monkeypatch.setattr(sys, "stdin", terminal)
        assert failure("-") == (UsageError, "no input; name a file, or pipe text in")
    closed = "standard input is closed; name a file, or pipe text in"
    assert failure("-") == (InputError, closed)
    monkeypatch.setattr(sys, "stdin", None)
    assert failure("-") == (InputError, closed)


def test_standard_input_that_cannot_be_read_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "f").open("w") as unreadable:
        monkeypatch.setattr(sys, "stdin", unreadable)
        assert failure("-") == (
            WriteError,
            "cannot read standard input: Bad file descriptor; try again",
        )


# Names


def test_a_file_is_called_by_its_path_in_its_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A path with `..` gave a repository of that name once."""
    (tmp_path / "tool" / ".git").mkdir(parents=True)
    (tmp_path / "tool" / "src").mkdir()
    monkeypatch.chdir(tmp_path / "tool" / "src")
    assert find_file_metadata("a.py") == FileMetadata("src/a.py", "tool")
    assert find_file_metadata("../b.py") == FileMetadata("b.py", "tool")
    assert find_file_metadata(str(tmp_path / "tool" / "c.py")) == FileMetadata("c.py", "tool")
    assert find_file_metadata("../../d.py") == FileMetadata("d.py")
    assert find_file_metadata("-") == FileMetadata()


@pytest.mark.parametrize(
    ("text", "place", "indentation"),
    [
        ("def f():\n    pass\n", "a:2", "    "),
        ("if x {\r\n\t\ty()\r\n}", "a:2", "\t\t"),
        ("\ufeff  a\n", "a:1", "  "),
        ("  a\n", "a:1", "  "),
        ("a\n    \nb\n", "a:2", ""),
        ("a\n\n    b\n", "a:2-3", ""),
        ("def f():\n    pass\n", "a:2:3-2", ""),
        ("def f():\n    pass\n", "a:2:1-2:3", ""),
    ],
)
def test_whole_lines_begin_with_their_indentation(text: str, place: str, indentation: str) -> None:
    """Blank lines have none, nor has a range that begins or ends within it."""
    source = Source("a", text)
    assert source.indentation_of(source.span_of(Place.parse(place))) == indentation
