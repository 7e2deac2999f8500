"""`--pick`: what is shown of several answers, and what the keys do."""

import os
import signal
import sys
from pathlib import Path

import pexpect
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processes import shown, terminal
from starcoder_cli.app.pick import Cursor, candidate_heading, differing_spans, highlight_difference
from starcoder_cli.candidates.ranking import Candidate
from starcoder_cli.model import Sampling
from starcoder_cli.stream import Completion
from starcoder_cli.terminal.code import Highlighter

COLORED = Highlighter("python", True)
PLAIN = Highlighter("python", False)

# What a command does with three answers: asks, and writes the one that is taken.
SCRIPT = """
import sys
from starcoder_cli.__main__ import run
from starcoder_cli import __main__
from starcoder_cli.candidates.ranking import Candidate
from starcoder_cli.app.pick import pick
from starcoder_cli.model import Sampling
from starcoder_cli.stream import Completion
from starcoder_cli.terminal.code import Highlighter

texts = ["return a + b", "return b + a", "return sum((a, b))\\n\\x1b[2J"]
found = [Candidate(Completion(text, "stop", 1, logprob=-at), Sampling(), at)
         for at, text in enumerate(texts)]
try:
    at = pick(found, Highlighter("python", False), "def add(a, b):\\n    ")
except KeyboardInterrupt:
    sys.exit(130)
print("took", at + 1, file=sys.stdout)
"""


def picking(tmp_path: Path, keys: str) -> tuple[int | None, str, tuple[str, ...]]:
    """The exit code, standard output and screen after these keys."""
    out = tmp_path / "out"
    environment = {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8"}
    line = f'"$PYTHON" -c "$SCRIPT" < /dev/null > {out}'
    child: pexpect.spawn[bytes] = pexpect.spawn(
        "sh",
        ["-c", line],
        env={**environment, "PYTHON": sys.executable, "SCRIPT": SCRIPT},
        dimensions=(24, 80),
        timeout=120,
    )
    child.expect_exact(b"quits")
    child.send(keys)
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus, out.read_text(), shown(child.before or b"", 80)


@pytest.mark.parametrize(
    ("keys", "taken"),
    [
        ("\r", 1),
        ("2", 2),
        ("\x1b[B\r", 2),
        ("\x1b[A\r", 3),
        ("jjk\r", 2),
        ("\t\t\t\r", 1),
        ("90x3", 3),
    ],
)
def test_a_key_takes_one(keys: str, taken: int, tmp_path: Path) -> None:
    code, out, _ = picking(tmp_path, keys)
    assert (code, out) == (0, f"took {taken}\n")


@pytest.mark.parametrize(
    "keys", ["q", "\x1b", "\x03", "\x04"], ids=["q", "Esc", "Ctrl-C", "Ctrl-D"]
)
def test_whoever_leaves_gets_nothing(keys: str, tmp_path: Path) -> None:
    code, out, _ = picking(tmp_path, keys)
    assert (code, out) == (130, "")


def test_the_screen_shows_every_answer(tmp_path: Path) -> None:
    environment = {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8"}
    child: pexpect.spawn[bytes] = pexpect.spawn(
        sys.executable, ["-c", SCRIPT], env=environment, dimensions=(24, 80), timeout=120
    )
    child.expect_exact(b"quits")
    before = (child.before or b"") + b"quits)"
    child.send("1")
    child.expect(pexpect.EOF)
    child.close()
    assert shown(before, 80) == (
        "1",
        "   return a + b",
        "2  -1.00 a token, does not parse",
        " + return b + a",
        "3  -2.00 a token, does not parse",
        " + return sum((a, b))",
        " + ␛[2J",
        "take  1  2  3   (its number; or arrows, Enter; q quits)",
    )


def test_a_dumb_terminal_cannot_ask(tmp_path: Path) -> None:
    (tmp_path / "add.py").write_text("def add(a, b):\n    return ")
    session = terminal(
        "complete", f"{tmp_path}/add.py", "-m", "echo", "--pick", columns=120, TERM="dumb"
    )
    assert (session.code, session.lines) == (
        2,
        ("error: --pick needs a terminal to ask at; omit it to take the best one",),
    )


def test_the_answer_that_was_taken_goes_to_standard_output_alone(tmp_path: Path) -> None:
    """The model's weights are random, and so its answers differ."""
    from tiny import build

    folder = build(tmp_path)
    (tmp_path / "add.py").write_text("def add(a, b):\n    return ")
    words = "complete add.py --device cpu --max-tokens 9 --temperature 2 --pick -n 3 --seed 1"
    child: pexpect.spawn[bytes] = pexpect.spawn(
        "sh",
        ["-c", f'"$PYTHON" -m starcoder_cli {words} -m {folder} < /dev/null > out; exit $?'],
        env={**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", "PYTHON": sys.executable},
        cwd=str(tmp_path),
        dimensions=(24, 80),
        timeout=120,
    )
    child.expect_exact(b"quits")
    child.send("3")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert (tmp_path / "out").read_bytes()


def test_a_heading_says_what_is_known() -> None:
    cut = Candidate(Completion("", "length", 4, logprob=-1.0), Sampling(), 1)
    assert candidate_heading(3, cut, PLAIN) == "3  -0.25 a token, does not parse, cut off\n"
    assert candidate_heading(3, cut, COLORED) == (
        "\x1b[2m3  -0.25 a token, does not parse, cut off\x1b[0m\n"
    )


def test_in_colours_the_words_that_differ_are_underlined() -> None:
    text = highlight_difference("a + b\nc", "a - b\nc", COLORED, "")
    assert text.count("\x1b[4m") == 1
    assert "\x1b[4m+\x1b[0m" in text
    assert [line[:3] for line in text.splitlines()] == [" + ", "   "]


def test_nothing_is_drawn_as_an_empty_line() -> None:
    assert highlight_difference("", "a", PLAIN, "") == "   \n"


def test_what_would_move_the_cursor_is_shown() -> None:
    assert highlight_difference("a\r\nb\x1b[A\u202e\rc\u2028", "", PLAIN, "") == (
        " + a\n + b␛[A<U+202E>␍c<U+2028>\n"
    )


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.text("ab \n+", max_size=8), st.text("ab \n+", max_size=8))
def test_every_character_is_marked_or_not(text: str, other: str) -> None:
    marks = differing_spans(text, other)
    assert len(marks) == len(text)
    assert not any(differing_spans(text, text))
    assert not any(
        mark and character.isspace() for mark, character in zip(marks, text, strict=True)
    )


def test_long_answers_are_compared_as_wholes() -> None:
    long = "a b " * 3000
    assert differing_spans(long, long) == [False] * len(long)
    assert differing_spans(long, f"{long}c") == [True] * len(long)


@pytest.mark.parametrize(
    ("count", "digits", "at", "done"),
    [
        (5, [3], 2, True),
        (5, [0], 0, False),
        (5, [6], 0, False),
        (9, [9], 8, True),
        (10, [1], 0, False),
        (10, [1, 0], 9, True),
        (16, [1, 6], 15, True),
        (16, [1, 7], 6, True),
        (16, [2], 1, True),
    ],
)
def test_a_number_of_two_digits_waits_for_the_second(
    count: int, digits: list[int], at: int, done: bool
) -> None:
    cursor = Cursor(count)
    for digit in digits:
        cursor.digit(digit)
    assert (cursor.at, cursor.done) == (at, done)


@pytest.mark.parametrize(
    ("key", "end", "is_written"), [("q", (None, signal.SIGINT), False), ("\r", (0, None), True)]
)
def test_one_answer_is_asked_about_too(
    key: str, end: tuple[int | None, int | None], is_written: bool, tmp_path: Path
) -> None:
    """Answers that were all the same went into the file without a question."""
    path = tmp_path / "add.py"
    path.write_text("def add(a, b):\n    return\n")
    child: pexpect.spawn[bytes] = pexpect.spawn(
        sys.executable,
        ["-m", "starcoder_cli", "fill", f"{path}:2", "-m", "echo", "--raw", "-n", "3"]
        + ["--pick", "--in-place"],
        env={**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8"},
        dimensions=(24, 120),
        timeout=120,
    )
    child.expect_exact(b"note: all 6 answers are the same")
    child.expect_exact(b"quits)")
    child.send(key)
    child.expect(pexpect.EOF)
    child.close()
    assert (child.exitstatus, child.signalstatus) == end
    assert ("fim_prefix" in path.read_text()) == is_written
