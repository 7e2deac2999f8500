"""`starcoder fill`: what a range is, what a model reads around it, and what the answer replaces.

The model here writes its prompt back, so that the answer is what the model was given.
"""

import json
from pathlib import Path

import pytest

from streams import run, run_binary, standard_input

TEXT = "def add(a, b):\n    return a + b\n\nprint(add(1, 2))\n"


@pytest.fixture(autouse=True)
def add_py(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`add.py` in the current folder."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "add.py"
    path.write_text(TEXT)
    return path


def psm(prefix: str, suffix: str) -> str:
    """What StarCoder reads for a gap, the prefix first."""
    return f"<fim_prefix>{prefix}<fim_suffix>{suffix}<fim_middle>"


@pytest.mark.parametrize(
    ("place", "prefix", "suffix"),
    [
        ("add.py:2", "def add(a, b):\n    ", "\n\nprint(add(1, 2))\n"),
        ("add.py:1-2", "", "\n\nprint(add(1, 2))\n"),
        ("add.py:2:12", "def add(a, b):\n    return ", "a + b\n\nprint(add(1, 2))\n"),
        ("add.py:2:12-2:17", "def add(a, b):\n    return ", "\n\nprint(add(1, 2))\n"),
        ("add.py:2:12-2:13", "def add(a, b):\n    return ", " + b\n\nprint(add(1, 2))\n"),
        ("add.py:2:5-2:5", "def add(a, b):\n    ", "return a + b\n\nprint(add(1, 2))\n"),
        ("add.py:1:9-2:5", "def add(", "return a + b\n\nprint(add(1, 2))\n"),
        ("add.py:3", "def add(a, b):\n    return a + b\n", "\nprint(add(1, 2))\n"),
        ("add.py:1:1", "", TEXT),
        ("add.py:5", TEXT, ""),
        ("add.py:1-5", "", ""),
    ],
)
def test_a_range_is_left_out_of_what_the_model_reads(
    place: str, prefix: str, suffix: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """A gap with nothing behind it, or nothing at all around it, is a gap nevertheless.

    The indentation of whole lines is given: the answer begins with it, and the model behind it.
    """
    assert run(capfd, "fill", place) == (0, psm(prefix, suffix), "")
    assert run(capfd, "fill", place, "--show-prompt") == (0, psm(prefix, suffix), "")


def test_the_suffix_can_come_first(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(capfd, "fill", "add.py:2", "--order", "spm") == (
        0,
        "<fim_prefix><fim_suffix>\n\nprint(add(1, 2))\n<fim_middle>def add(a, b):\n    ",
        "",
    )


def test_columns_count_characters(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "wide.txt").write_text("日本語x\n👩\u200d💻y\n")
    assert run(capfd, "fill", "wide.txt:1:4-2:4") == (0, psm("日本語", "y\n"), "")


def test_the_answer_replaces_the_range(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(capfd, "fill", "add.py:2:12-2:17", "--echo", "--max-tokens", "1") == (
        0,
        "def add(a, b):\n    return <fim_prefix>\n\nprint(add(1, 2))\n",
        "",
    )


@pytest.mark.parametrize(
    ("place", "raw", "before", "after"),
    [
        ("crlf:2", b"a\r\nb\r\nc\n", b"a\r\n", b"\r\nc\n"),
        ("bom:1", b"\xef\xbb\xbfa\nb", b"\xef\xbb\xbf", b"\nb"),
        ("latin:2:2-2:3", b"caf\xe9\nx\xffy\n", b"caf\xe9\nx", b"y\n"),
        ("mixed:3", b"a\rb\nc\r\nd\x0c\x85", b"a\rb\n", b"\r\nd\x0c\x85"),
        ("last:2", b"a\nb", b"a\n", b""),
        ("empty:1", b"", b"", b""),
    ],
)
def test_everything_outside_the_range_keeps_its_bytes(
    place: str,
    raw: bytes,
    before: bytes,
    after: bytes,
    tmp_path: Path,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    path = tmp_path / place.partition(":")[0]
    path.write_bytes(raw)
    command = ("fill", place, "--echo", "--max-tokens", "1")
    note = b"" if raw else b"note: empty has no text: the answer is made up\n"
    assert run_binary(capfdbinary, *command) == (0, before + b"<fim_prefix>" + after, note)
    assert path.read_bytes() == raw


def test_new_lines_end_as_those_of_the_file_do(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    (tmp_path / "dos.txt").write_bytes(b"a\r\nb\r\nc\r\n")
    assert run_binary(capfdbinary, "fill", "dos.txt:2") == (
        0,
        b"<fim_prefix>a\r\n<fim_suffix>\r\nc\r\n<fim_middle>",
        b"",
    )


@pytest.mark.parametrize("marker", ["<FILL>", "é", "a\nb", "[/red]"])
def test_a_marker_names_the_place(
    marker: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text = f"x = {marker}\ny\n"
    (tmp_path / "marked.py").write_text(text)
    expected = (0, psm("x = ", "\ny\n"), "")
    assert run(capfd, "fill", "marked.py", "--at", marker) == expected
    with standard_input(text.encode()):
        assert run(capfd, "fill", "-", "--at", marker) == expected


def test_a_text_that_is_nothing_but_the_marker(capfd: pytest.CaptureFixture[str]) -> None:
    with standard_input(b"<FILL>"):
        assert run(capfd, "fill", "-", "--at", "<FILL>") == (0, psm("", ""), "")


def test_with_a_marker_a_place_is_a_file_name(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.py:3").write_text("<FILL>")
    assert run(capfd, "fill", "a.py:3", "--at", "<FILL>") == (0, psm("", ""), "")


def test_a_range_of_standard_input(capfd: pytest.CaptureFixture[str]) -> None:
    with standard_input(b"a\nb\nc\n"):
        assert run(capfd, "fill", "--", "-:2") == (0, psm("a\n", "\nc\n"), "")


def test_control_tokens_in_a_file_come_out_as_its_text(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tokens.txt").write_text("<fim_suffix>\nX\n[/red] values[index]\n")
    assert run(capfd, "fill", "tokens.txt:2") == (
        0,
        psm("<fim_suffix>\n", "\n[/red] values[index]\n"),
        "",
    )


def test_stop_and_json(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capfd, "fill", "add.py:2", "--json", "--stop", "print", "--seed", "3")
    record = json.loads(out)
    del record["seconds"]
    assert (code, err, out.count("\n")) == (0, "", 1)
    assert record == {
        "text": "<fim_prefix>def add(a, b):\n    <fim_suffix>\n\n",
        "reason": "stop",
        "trimmed": [],
        "tokens": {"prompt": 5, "cached": None, "completion": 4},
        "model": "echo",
        "engine": "echo",
        "seed": 3,
        "context": [],
    }


def test_plain_and_in_place_are_alike_in_a_pipe(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(capfd, "fill", "add.py:2", "--plain") == run(capfd, "fill", "add.py:2")
