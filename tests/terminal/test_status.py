"""The line that says what is going on, in terminals of several widths."""

import io
import os
import sys
import termios
from pathlib import Path

import pexpect
import pytest

from processes import shown
from starcoder_cli.terminal.status import cut_to_width, set_echo

TEXT = "loading the-name-of-a-model-that-is-long from a folder that has a long name as well …"
SCRIPT = f"""
import select, sys, time
from starcoder_cli.terminal.output import Messages
messages = Messages()
messages.show_status({TEXT!r})
print("shown", file=open(sys.argv[1], "w"))
while open(sys.argv[1]).read() == "shown\\n":
    time.sleep(0.01)
messages.show_status("second")
if sys.argv[2:]:
    sys.exit()
select.select([sys.stdin], [], [])  # what is typed takes a moment through the terminal
messages.show_status("")
print("read:", sys.stdin.readline())
"""


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("", 5, ""),
        ("abcde", 5, "abcde"),
        ("abcdef", 5, "abcd…"),
        ("abc ef", 5, "abc…"),
        ("日本語", 6, "日本語"),
        ("日本語", 5, "日本…"),
        ("日本語", 4, "日…"),
        ("abcdef", 1, "…"),
    ],
)
def test_a_text_is_cut_with_a_sign(text: str, width: int, expected: str) -> None:
    assert cut_to_width(text, width) == expected


def run_script(tmp_path: Path, columns: int, *words: str) -> "pexpect.spawn[bytes]":
    """The script, as soon as the line is there; what it writes is in its log."""
    variables = {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", "COLUMNS": "200"}
    child: pexpect.spawn[bytes] = pexpect.spawn(
        sys.executable,
        ["-c", SCRIPT, str(tmp_path / "said"), *words],
        env=variables,
        dimensions=(24, columns),
        timeout=120,
    )
    child.logfile_read = io.BytesIO()
    while not (tmp_path / "said").exists() or not (tmp_path / "said").read_text():
        child.expect([b".", pexpect.TIMEOUT], timeout=0.05)
    return child


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_the_line_is_one_line_and_what_is_typed_is_not_in_it(columns: int, tmp_path: Path) -> None:
    child = run_script(tmp_path, columns)
    child.send("typed ahead\r")
    (tmp_path / "said").write_text("on")
    child.expect(pexpect.EOF)
    child.close()
    assert isinstance(child.logfile_read, io.BytesIO)
    raw = child.logfile_read.getvalue()
    (line,) = shown(raw.partition(b"\r\x1b[Ksecond")[0], columns)
    assert line == (TEXT if columns > len(TEXT) else f"{TEXT[: columns - 2].rstrip()}…")
    assert shown(raw, columns) == ("read: typed ahead",)


def test_the_terminal_shows_again_what_is_typed_when_the_program_ends(tmp_path: Path) -> None:
    child = run_script(tmp_path, 80, "exit")
    assert not termios.tcgetattr(child.child_fd)[3] & termios.ECHO
    (tmp_path / "said").write_text("on")
    child.expect(pexpect.EOF)
    assert termios.tcgetattr(child.child_fd)[3] & termios.ECHO


def test_elsewhere_nothing_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("the terminal is changed")

    monkeypatch.setattr(termios, "tcsetattr", refuse)
    set_echo(False)
    set_echo(True)
