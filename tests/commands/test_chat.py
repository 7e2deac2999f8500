"""`starcoder chat` with one question: what a model reads, and what comes out.

The model here writes its prompt back, so that the answer is what the model was given.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from processes import shell, start
from starcoder_cli.cli import main
from starcoder_cli.commands.chat import DEFAULT_SYSTEM
from streams import run, run_binary, standard_input

Capture = pytest.CaptureFixture[str]
NO_QUESTION = "error: there is no question; put it after the command, in quotes\n"


@pytest.fixture(autouse=True)
def add_py(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`add.py` in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "add.py").write_text("def add(a, b): ...\n")


def asked(question: str, system: str = "") -> str:
    """The prompt of one question."""
    opening = f"<|im_start|>system\n{system}<|im_end|>\n" if system else ""
    return f"{opening}<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"


def test_a_question(capfd: Capture) -> None:
    assert run(capfd, "chat", "why?") == (0, asked("why?", DEFAULT_SYSTEM), "")
    assert run(capfd, "chat", "why?", "--show-prompt") == (0, asked("why?", DEFAULT_SYSTEM), "")
    assert run(capfd, "chat", "-s", "Be brief.", "why?") == (0, asked("why?", "Be brief."), "")


def test_piped_text_alone_is_the_question(capfd: Capture) -> None:
    with standard_input(b"why\r\nnot?\n"):
        assert run(capfd, "chat", "-s", "") == (0, asked("why\nnot?"), "")


def test_piped_text_next_to_a_question_goes_with_it(capfd: Capture) -> None:
    with standard_input(b"#!/bin/sh\nls `pwd`"):
        assert run(capfd, "chat", "-s", "", "what is this?") == (
            0,
            asked(
                "Standard input:\n```shell\n#!/bin/sh\nls `pwd`\n```\n\nwhat is this?",
            ),
            "",
        )


def test_nothing_piped_next_to_a_question_is_nothing(capfd: Capture) -> None:
    with standard_input(b"\n"):
        assert run(capfd, "chat", "-s", "", "why?") == (0, asked("why?"), "")


def test_files_go_with_the_question_in_their_order(capfd: Capture) -> None:
    Path("b.md").write_text("```\nx\n```")
    files = (
        "add.py:\n```python\ndef add(a, b): ...\n```\n\nb.md:\n````markdown\n```\nx\n```\n````\n\n"
    )
    words = ("-s", "", "-f", "add.py", "--file", "b.md")
    assert run(capfd, "chat", *words, "why?") == (0, asked(f"{files}why?"), "")
    with standard_input(b"why?"):
        assert run(capfd, "chat", *words) == (0, asked(f"{files}why?"), "")
    with standard_input(b"log"):
        piped = f"{files}Standard input:\n```\nlog\n```\n\n"
        assert run(capfd, "chat", *words, "why?") == (0, asked(f"{piped}why?"), "")


def test_standard_input_can_stand_among_the_files(capfd: Capture) -> None:
    with standard_input(b"log"):
        assert run(capfd, "chat", "-s", "", "-f", "-", "-f", "add.py", "why?") == (
            0,
            asked(
                "Standard input:\n```\nlog\n```\n\n"
                "add.py:\n```python\ndef add(a, b): ...\n```\n\nwhy?"
            ),
            "",
        )


def test_undecodable_bytes_reach_the_model_as_replacement_characters(capfd: Capture) -> None:
    with standard_input(b"\xff\xfe?"[1:] + b"\xff"):
        assert run(capfd, "chat", "-s", "") == (0, asked("\ufffd?\ufffd"), "")


@pytest.mark.parametrize(
    ("words", "data", "code", "message"),
    [
        ((), b"", 2, NO_QUESTION),
        (("",), b"log", 2, NO_QUESTION),
        ((" \n",), b"log", 2, NO_QUESTION),
        (("-f", "-"), b"log", 2, NO_QUESTION),
        (
            ("-f", "none.py", "why?"),
            b"",
            66,
            "error: cannot read none.py: No such file or directory; check the name\n",
        ),
        (
            (),
            b"why\0",
            65,
            "error: standard input looks binary (NUL at byte 3); give a text file\n",
        ),
        (
            ("why?", "--extract"),
            b"",
            65,
            "error: the answer has no code block; ask for code, or omit --extract\n",
        ),
        (
            ("why?", "--max-tokens", "1000000", "--json"),
            b"x" * 100_000,
            65,
            "error: the question is longer than the 48544 tokens that the model can read; "
            "shorten it, or give less text with it\n",
        ),
    ],
)
def test_what_is_wrong_is_said_on_one_line(
    words: tuple[str, ...], data: bytes, code: int, message: str, capfd: Capture
) -> None:
    with standard_input(data):
        assert run(capfd, "chat", *words) == (code, "", message)


@pytest.mark.parametrize("word", ["--nope", "why? not?"])
def test_what_is_no_option_or_one_word_too_many(word: str, capfd: Capture) -> None:
    assert main(["chat", "why?", word]) == 2
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.endswith("see `starcoder chat --help`\n")


FENCED = b"So:\n```python\nx = 1\n\n```\nDone."


def test_only_the_first_code_block(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    with standard_input(FENCED):
        assert run_binary(capfdbinary, "chat", "-x") == (0, b"x = 1\n\n", b"")


def test_code_that_was_cut_off_is_shown_and_no_success(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    """Its block is left open."""
    error = (
        b"error: the code was cut off before its end; raise --max-tokens, or ask for less at a "
        b"time\n"
    )
    with standard_input(FENCED.partition(b"\n```\n")[0]):
        code, out, err = run_binary(capfdbinary, "chat", "-x")
    assert (code, out[:5], err) == (65, b"x = 1", error)


def test_an_answer_ends_before_a_text_to_stop_at(capfd: Capture) -> None:
    assert run(capfd, "chat", "-s", "", "one two three", "--stop", "two", "--stop", "x") == (
        0,
        "<|im_start|>user\none ",
        "",
    )


def test_json(capfd: Capture) -> None:
    with standard_input(FENCED):
        code, out, err = run(capfd, "chat", "-x", "--json", "-s", "", "--seed", "7")
    record = json.loads(out)
    assert (code, err, list(record.pop("seconds"))) == (0, "", ["load", "first_token", "total"])
    assert record == {
        "text": "x = 1\n\n",
        "reason": "stop",
        "tokens": {"prompt": 6, "cached": None, "completion": 2},
        "model": "echo",
        "engine": "echo",
        "seed": 7,
    }


def test_what_chance_decides_has_a_seed_that_tells_it(capfd: Capture) -> None:
    _, warm, _ = run(capfd, "chat", "why?", "--json")
    _, cold, _ = run(capfd, "chat", "why?", "--json", "--temperature", "0")
    assert isinstance(json.loads(warm)["seed"], int)
    assert json.loads(cold)["seed"] is None


def test_colours_that_are_asked_for_draw_markdown_in_a_pipe_too(capfd: Capture) -> None:
    with standard_input(b"\n# *One*\n\n`two`"):
        code, out, err = run(capfd, "chat", "-s", "", "--color", "always", "--stop", "<|im_end|>")
    assert (code, err) == (0, "")
    assert out == ("<|im_start|>user\n\x1b[1;3;35mOne\x1b[0m\n\n\x1b[36mtwo\x1b[0m\n")


def starcoder(*words: str, stdin: int = subprocess.DEVNULL) -> subprocess.CompletedProcess[bytes]:
    """The installed command, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "starcoder_cli", *words], stdin=stdin, capture_output=True
    )


def test_what_is_neither_a_pipe_nor_a_file_is_not_read_unasked() -> None:
    done = starcoder("chat", "-m", "echo", "-s", "", "why?")
    assert (done.returncode, done.stdout, done.stderr) == (0, asked("why?").encode(), b"")
    done = starcoder("chat", "-m", "echo")
    assert (done.returncode, done.stdout, done.stderr) == (2, b"", NO_QUESTION.encode())


def test_a_pipe_is_read_to_its_end() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"log\n")
    os.close(writer)
    done = starcoder("chat", "-m", "echo", "-s", "", "why?", stdin=reader)
    os.close(reader)
    assert done.stdout == asked("Standard input:\n```\nlog\n```\n\nwhy?").encode()
    words = "the question includes 4 characters from standard input"
    note = f"note: {words}; `< /dev/null` keeps it out\n"
    assert (done.returncode, done.stderr) == (0, note.encode())


LEFT_ALONE = "note: standard input is left to the program that reads it; -f - reads it here\n"


def test_a_loop_keeps_its_list() -> None:
    """A shell that reads a list has read its beginning; the rest is not ours."""
    ask = "starcoder chat -m echo -s '' \"$word\" > /dev/null && echo $word"
    done = shell(f"printf 'a\\nb\\nc\\n' > list; while read word; do {ask}; done < list; rm list")
    assert (done.stdout, done.stderr) == (b"a\nb\nc\n", 2 * LEFT_ALONE.encode())


def test_what_a_loop_reads_from_a_pipe_is_not_taken_silently() -> None:
    done = shell("printf 'a\nb\n' | while read word; do starcoder chat -m echo -s '' $word; done")
    assert done.stderr.startswith(b"note: the question includes 2 characters from standard input;")


def test_a_file_that_was_begun_is_read_where_it_is_named(capfd: Capture) -> None:
    with standard_input(b"one\ntwo\n"):
        os.lseek(sys.stdin.fileno(), 4, os.SEEK_SET)
        piped = asked("Standard input:\n```\ntwo\n```\n\nwhy?")
        assert run(capfd, "chat", "-s", "", "why?") == (0, asked("why?"), LEFT_ALONE)
        assert run(capfd, "chat", "-s", "", "-f", "-", "why?") == (0, piped, "")
        assert run(capfd, "chat", "-s", "", "why?") == (0, asked("why?"), "")


@pytest.mark.parametrize("words", [("why?",), ()])
def test_a_pipe_that_says_nothing_is_waited_for_aloud(words: tuple[str, ...]) -> None:
    """It may have been inherited, and have no end."""
    with start("chat", "-m", "echo", "-s", "", *words) as process:
        assert process.stdin and process.stdout and process.stderr
        note = b"note: waiting for standard input to end; `< /dev/null` keeps it out\n"
        assert process.stderr.readline() == note
        process.stdin.write(b"" if words else b"why?")
        process.stdin.close()
        assert process.stdout.read() == asked("why?").encode()


def test_a_usage_error_loads_nothing_heavy() -> None:
    script = (
        "import sys; from starcoder_cli.cli import main; main(['chat', '--nope']); "
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    heavy = {"rich", "prompt_toolkit", "xllamacpp", "torch", "asyncio", "http", "pygments"}
    assert heavy & set(done.stdout.split()) == set()
    assert not [name for name in done.stdout.split() if name.startswith("starcoder_cli.engines")]
