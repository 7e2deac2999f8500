"""A session of `starcoder chat`: its commands, and its keys at a real terminal."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pyte
import pytest

from starcoder_cli.app.chat_session import SESSION_COMMANDS, conversation_after, undo_turn
from starcoder_cli.errors import CreateError, StarcoderError, UsageError
from starcoder_cli.model import Conversation

Capture = pytest.CaptureFixture[str]
PATIENCE = 60


def answer(conversation: Conversation, line: str) -> Conversation:
    """A model that says how long a question is."""
    return conversation.with_question(line).with_answer(str(len(line)))


def after(*lines: str) -> Conversation | None:
    """A conversation after some lines."""
    current: Conversation | None = Conversation("Be brief.")
    for line in lines:
        assert current is not None
        current = conversation_after(current, line, answer)
    return current


def texts(conversation: Conversation | None) -> list[str]:
    """What was said."""
    assert conversation is not None
    return [message.text for message in conversation.messages]


def test_a_line_is_a_question_unless_it_is_a_command(capfd: Capture) -> None:
    assert texts(after("one", "", "  \n", "three\nmore")) == ["one", "3", "three\nmore", "10"]
    code = ["/usr/bin/env?", "// comment", "/* x */", "/"]
    assert texts(after(*code))[::2] == code
    assert capfd.readouterr() == ("", "")


def test_clear_and_undo(capfd: Capture) -> None:
    assert texts(after("one", "three", "/undo")) == ["one", "3"]
    assert capfd.readouterr() == ("", "took back: three\n")
    assert after("one", "three", "/clear") == Conversation("Be brief.")
    assert capfd.readouterr() == ("", "the conversation was cleared\n")


def test_undo_names_what_was_typed_and_not_the_file_that_came_with_it(capfd: Capture) -> None:
    asked = Conversation().with_question("x.py:\n```\nx = 1\n```\n\nwhy?", "why?")
    assert undo_turn(asked.with_answer("because"), "") == Conversation()
    assert capfd.readouterr() == ("", "took back: why?\n")


def test_exit_ends_the_session() -> None:
    assert after("one", "/exit") is None


def test_help_names_every_command(capfd: Capture) -> None:
    assert texts(after("/help")) == []
    out, err = capfd.readouterr()
    assert out == ""
    assert err == (
        "/clear      forget every question and answer\n"
        "/undo       forget the last question and the answer to it\n"
        "/save FILE  write the conversation to a new file, as Markdown\n"
        "/help       show this\n"
        "/exit       leave\n"
        "Alt-Enter   a new line; Esc, then Enter does the same\n"
        "Ctrl-C      stop the answer, or drop what is typed\n"
        "Ctrl-D      leave\n"
    )
    assert [line.split()[0] for line in err.splitlines()[:-3]] == list(SESSION_COMMANDS)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["/nope"], "there is no command /nope; /help shows which there are"),
        (["/undo"], "there is nothing to undo"),
        (["/save a.md"], "there is nothing to save"),
        (["one", "/save"], "the file has no name; write /save FILE"),
    ],
)
def test_what_makes_no_sense(lines: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        after(*lines)
    assert str(caught.value) == message


def test_save_writes_a_new_file(tmp_path: Path, capfd: Capture) -> None:
    path = tmp_path / "a talk.md"
    after("one", f"/save {path}")
    assert capfd.readouterr() == ("", f"saved to {path}\n")
    assert path.read_text() == "## Question\n\none\n\n## Answer\n\n3\n"
    assert list(tmp_path.iterdir()) == [path]


def test_save_finds_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    after("one", "/save ~/talk.md")
    assert (tmp_path / "talk.md").exists()


@pytest.mark.parametrize("kind", ["file", "folder", "dangling link"])
def test_save_never_writes_over_anything(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "there"
    if kind == "file":
        path.write_text("mine")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("nowhere")
    before = path.lstat()
    with pytest.raises(CreateError) as caught:
        after("one", f"/save {path}")
    assert str(caught.value) == f"{path} is there already; choose another name"
    assert path.lstat() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["none/talk.md", "x" * 300, "a\0b"])
def test_a_file_that_cannot_be_made_leaves_nothing_behind(name: str, tmp_path: Path) -> None:
    with pytest.raises(StarcoderError) as caught:
        after("one", f"/save {tmp_path / name}")
    assert str(caught.value).startswith(f"cannot save to {tmp_path / name}: ")
    assert list(tmp_path.iterdir()) == []


class Terminal:
    """A program at a terminal of 80 columns and 24 rows."""

    def __init__(self, *words: str) -> None:
        environment = {
            **os.environ,
            "TERM": "xterm",
            "PROMPT_TOOLKIT_NO_CPR": "1",
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        self.screen = pyte.Screen(80, 24)
        self._stream = pyte.ByteStream(self.screen)
        self._child = pexpect.spawn(
            sys.executable, list(words), env=environment, dimensions=(24, 80), timeout=PATIENCE
        )
        self._child.delaybeforesend = None

    def rows(self) -> list[str]:
        """The rows of the screen that are not blank at its end."""
        return "\n".join(row.rstrip() for row in self.screen.display).rstrip().split("\n")

    def wait(self, *last: str) -> None:
        """Wait until these are the last rows."""
        end = time.monotonic() + PATIENCE
        while self.rows()[-len(last) :] != list(last):
            assert time.monotonic() < end, "\n".join(self.rows())
            self._read()

    def type(self, keys: str) -> None:
        """Send some keys."""
        self._child.send(keys)

    def ended(self) -> int | None:
        """Wait for the end, and give the exit code."""
        while self._read():
            pass
        self._child.close()
        code = self._child.exitstatus
        return int(code) if code is not None else None

    def close(self) -> None:
        """End the program, if it still runs."""
        self._child.close(force=True)

    def _read(self) -> bool:
        try:
            self._stream.feed(self._child.read_nonblocking(4096, timeout=0.1))
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        return True


READY = "note: echo is ready; /help shows the commands, Ctrl-D exits"
ASSISTANT = "<|im_start|>assistant"


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """A session with the model that writes its prompt back, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    words = ("chat", "--model", "echo", "--system", "", "--color", "never")
    opened = Terminal("-m", "starcoder_cli", *words)
    opened.wait(READY, ">")
    yield opened
    opened.close()


def turn(*lines: str) -> list[str]:
    """A question as the model writes it back."""
    first, *others = lines
    *before, last = ["<|im_start|>user", first, *others]
    return [*before, f"{last}<|im_end|>"]


def test_questions_answers_and_commands(terminal: Terminal, tmp_path: Path) -> None:
    terminal.type("one\r")
    terminal.wait("> one", *turn("one"), ASSISTANT, ">")
    terminal.type("/undo\r")
    terminal.wait("> /undo", "took back: one", ">")
    terminal.type("two\r")
    terminal.wait("> two", *turn("two"), ASSISTANT, ">")
    terminal.type("/save talk.md\r")
    terminal.wait("saved to talk.md", ">")
    assert (tmp_path / "talk.md").read_text() == (
        "## Question\n\ntwo\n\n## Answer\n\n<|im_start|>user\ntwo<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    terminal.type("/save talk.md\r")
    terminal.wait("error: talk.md is there already; choose another name", ">")
    terminal.type("/clear\r")
    terminal.wait("the conversation was cleared", ">")
    terminal.type("/nope\r")
    terminal.wait("error: there is no command /nope; /help shows which there are", ">")
    terminal.type("three\r")
    terminal.wait("> three", *turn("three"), ASSISTANT, ">")
    terminal.type("/exit\r")
    assert terminal.ended() == 0
    assert [path.name for path in tmp_path.iterdir()] == ["talk.md"]


def test_a_message_of_several_lines(terminal: Terminal) -> None:
    """Alt-Enter makes a new line, and what is pasted is one message however many lines it has."""
    terminal.type("a\x1b\rb")
    terminal.wait("> a", "  b")
    terminal.type("\r")
    terminal.wait("> a", "  b", *turn("a", "b"), ASSISTANT, ">")
    terminal.type("/clear\r")
    terminal.wait("the conversation was cleared", ">")
    terminal.type("\x1b[200~x = 1\r\n\ty\n\x1b[201~")
    terminal.type("z\r")
    terminal.wait(*turn("x = 1", "        y", "z"), ASSISTANT, ">")


def test_what_was_typed_before_comes_back(terminal: Terminal) -> None:
    terminal.type("one\r")
    terminal.wait(ASSISTANT, ">")
    terminal.type("\x1b[A")
    terminal.wait("> one")


def test_ctrl_c_drops_what_is_typed_and_ctrl_d_leaves(terminal: Terminal) -> None:
    terminal.type("typed")
    terminal.wait("> typed")
    terminal.type("\x03")
    terminal.wait("> typed", ">")
    terminal.type("\x03")
    terminal.wait(">", "Ctrl-D exits", ">")
    terminal.type("\x04")
    assert terminal.ended() == 0


SLOW = """
import time
from pathlib import Path

from starcoder_cli.engines.echo import EchoModel
from starcoder_cli.prompts.chat_formats import CHATML
from starcoder_cli.app.request import Request
from starcoder_cli.app.chat_session import converse, line_editor, reply
from starcoder_cli.app.chat import Chat
from starcoder_cli.app.deliver import OutputOptions
from starcoder_cli.model import Conversation, Sampling, as_prompt
from starcoder_cli.reply import ChatModel
from starcoder_cli.stream import Chunk


class Slow(EchoModel):
    def stream(self, question, sampling):
        try:
            yield Chunk(f"**{len(as_prompt(question).pieces)}** pieces, and *so* on\\n\\nand *on")
            while True:  # a signal right before one long sleep would not end it
                time.sleep(0.01)
        finally:
            Path("closed").touch()


def answer(conversation, line):
    timeout = 2 if line == "quick" else None
    return reply(chat, conversation.with_question(line), timeout)


chat = Chat(ChatModel(Slow(), CHATML), Request("echo", Sampling()), OutputOptions())
converse(line_editor(), Conversation(), answer)
"""


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """A session with a model that says a few words and then takes its time, in Markdown."""
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "slow.py"
    script.write_text(SLOW)
    opened = Terminal(str(script))
    opened.wait(">")
    yield opened
    opened.close()


def test_ctrl_c_stops_an_answer_and_keeps_what_was_said(slow: Terminal) -> None:
    slow.type("one\r")
    slow.wait("> one", "6 pieces, and so on", "", "and *on")
    slow.type("\x03")
    slow.wait("> one", "6 pieces, and so on", "", "and *on^C", "note: stopped", ">")
    assert Path("closed").exists()
    slow.type("two\r")
    slow.wait("> two", "14 pieces, and so on", "", "and *on")
    slow.type("\x03")
    slow.wait("note: stopped", ">")
    slow.type("\x04")
    assert slow.ended() == 0


def test_a_time_limit_holds_for_an_answer_and_the_session_goes_on(slow: Terminal) -> None:
    slow.type("quick\r")
    slow.wait("error: not done within 2 s; raise --timeout, or ask for less", ">")
    slow.type("two\r")
    slow.wait("> two", "14 pieces, and so on", "", "and *on")


@pytest.mark.parametrize("option", ["--json", "--extract", "--show-prompt"])
def test_a_session_has_no_such_option(option: str) -> None:
    opened = Terminal("-m", "starcoder_cli", "chat", "--model", "echo", option)
    assert opened.ended() == 2
    assert " ".join(opened.rows()) == (
        "error: there is no question; put it after the command; a session has no --json,"
        " --extract or --show-prompt"
    )
