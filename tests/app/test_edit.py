"""A range of a source that is written anew: what is asked about it, and what takes its place."""

import textwrap
from collections.abc import Set as AbstractSet
from dataclasses import replace

import pytest

from starcoder_cli.app.edit import EditTask, edit_task, question_tokens
from starcoder_cli.app.request import Request
from starcoder_cli.catalog import SMALL_MODEL
from starcoder_cli.engines.echo import EchoModel
from starcoder_cli.errors import DataError, UsageError
from starcoder_cli.files.source import Place, Source
from starcoder_cli.infill import InfillOptions, PreparedPrompt
from starcoder_cli.languages import find_language
from starcoder_cli.model import Conversation, Hole, Message, Prompt, Question, Sampling, Special
from starcoder_cli.stream import Chunk, Stream, collect
from starcoder_cli.terminal.output import Messages

CODE = "class A:\n    def f(self, x):\n        return x\n"
REQUEST = Request(SMALL_MODEL, Sampling())
MESSAGES = Messages(verbose=True)


class Writer(EchoModel):
    """Writes some texts."""

    def __init__(self, *texts: str) -> None:
        self.texts = texts

    def stream(self, question: Question, sampling: Sampling) -> Stream:
        yield from map(Chunk, self.texts)
        yield Chunk("", 0, "stop")


class ServerModel(EchoModel):
    """Is given conversations as they are."""

    spells: AbstractSet[type] = frozenset({Conversation})


def task(
    text: str,
    place: str,
    request: Request = REQUEST,
    name: str = "a.py",
    instruction: str = "Change it.",
) -> EditTask:
    """What is asked about a place of `a.py`, or of another file."""
    source = Source(name, text)
    span = source.span_of(Place.parse(f"{name}:{place}"))
    return edit_task(source, span, request, MESSAGES, instruction)


def written(asked: EditTask, *texts: str) -> str:
    """What takes the place of a range where a model writes some texts."""
    prompt = PreparedPrompt(Prompt(()), ("\n```",))
    return collect(asked.stream(Writer(*texts), prompt, Sampling())).text


def test_the_code_is_asked_about_without_its_indentation() -> None:
    source = Source("a.py", CODE.replace("\n", "\r\n"))
    span = source.span_of(Place.parse("a.py:2-3"))
    asked = edit_task(source, span, REQUEST, MESSAGES, "Change it.")
    assert asked == EditTask(
        source,
        REQUEST,
        find_language("python"),
        "    def f(self, x):\r\n        return x",
        "    ",
        "def f(self, x):\n    return x",
        "Change it.",
        source.hole_at(span),
    )
    assert asked.replaces_code


def test_a_block_in_a_document_is_code_of_its_own_language() -> None:
    source = Source("a.md", "# A\n\n```sh\npip install a\n```\n\n```nothing\nb\n```\n\nC.\n")
    for line, name in ((4, "shell"), (8, "markdown"), (11, "markdown"), (1, "markdown")):
        span = source.span_of(Place.parse(f"a.md:{line}"))
        asked = edit_task(source, span, REQUEST, MESSAGES, "Change it.")
        assert asked.language == find_language(name)


def test_an_instruction_that_is_no_utf8_is_one_that_a_model_can_read() -> None:
    source = Source("a.py", "x = 1\n")
    asked = edit_task(source, source.whole_span(), REQUEST, MESSAGES, "caf\udce9")
    assert asked.instruction == "caf\ufffd"
    assert asked.window > 0


def test_a_range_without_code_is_refused() -> None:
    with pytest.raises(DataError) as caught:
        task("x = 1\n  \n\t\n", "2-3")
    assert str(caught.value) == (
        "there is no code to edit here; use `starcoder fill` to write some"
    )


def test_a_model_is_asked_in_a_chat_or_as_its_server_spells_it(
    capfd: pytest.CaptureFixture[str],
) -> None:
    asked = task(CODE, "2-3", replace(REQUEST, infill=InfillOptions(stop=("END",))))
    prompt = asked.prompt(EchoModel(), MESSAGES)
    assert isinstance(prompt.question, Prompt) and prompt.stop == ("\n```", "END")
    assert "```python\ndef f(self, x):\n    return x\n```\n\nChange it." in str(prompt.question)
    prompt = asked.prompt(ServerModel(), MESSAGES)
    assert isinstance(prompt.question, Conversation)
    assert (prompt.question.answer_prefix, prompt.stop) == ("```python\n", ("END",))
    assert capfd.readouterr().err == (
        f"edit: {SMALL_MODEL} is asked in a chat (chatml)\n"
        f"edit: {SMALL_MODEL} is asked in a chat (as the server spells it)\n"
    )


@pytest.mark.parametrize("model", [EchoModel(), ServerModel()])
def test_what_a_model_cannot_read_whole_is_refused(model: EchoModel) -> None:
    """Nothing is left out: half of some code cannot be written anew."""
    asked = task(CODE, "2-3")
    question = asked.prompt(model, Messages()).question
    assert not isinstance(question, Hole)
    tokens = question_tokens(model, question)
    model.window = tokens + 256
    assert asked.prompt(model, Messages()).question
    assert asked.window >= model.window
    model.window -= 1
    with pytest.raises(UsageError) as caught:
        asked.prompt(model, Messages())
    assert str(caught.value) == (
        f"{tokens} tokens of code and 256 of answer exceed the model's window of {tokens + 255}; "
        "name a smaller range, or lower --max-tokens"
    )


@pytest.mark.parametrize(
    ("text", "place", "texts", "new"),
    [
        (CODE, "2-3", ("def g(self):\n", "    pass\n\n"), "    def g(self):\n        pass"),
        ("x = 1\r\ny = 2\r\n", "1-2", ("x = 2\n", "y = 3"), "x = 2\r\ny = 3"),
        ("x = 1\r\ny = 2\r\na\nb\nc\n", "1-2", ("x = 1\ny = 3",), "x = 1\r\ny = 3"),
        ("\tx = 1\n", "1", ("a\n\nb\n```\nDone.",), "\ta\n\n\tb"),
        ("x = 1\n", "1", ("\n\n",), ""),
    ],
)
def test_new_code_is_indented_and_ends_as_the_old(
    text: str, place: str, texts: tuple[str, ...], new: str
) -> None:
    assert written(task(text, place), *texts) == new


@pytest.mark.parametrize(
    ("text", "place", "answer", "new"),
    [
        ("x = f(1, 2)\n", "1:5-1:12", "x = g(3)\n", "g(3)"),
        ("x = f(1, 2);\n", "1:5-1:12", "x = g(3);", "g(3)"),
        ("y = f(1, 2)\n", "1:7-1:11", "y = f(3)", "3"),
        ("    x = f(1)\n", "1:9-1:13", "    x = g(1)", "g(1)"),
        ("x = x = 1\n", "1:5-1:10", "x = 2", "x = 2"),
        ("x = f(1)\n", "1:5-1:9", "g(1)", "g(1)"),
        ("(a)\n", "1:2-1:3", "(b, c)", "(b, c)"),
        ("List<A> rows;\n", "1:6-1:7", "List<A>", "List<A>"),
        ("(list a b)\n", "1:7-1:10", "(list a b)", "(list a b)"),
        ("x = f(1);\n", "1:5-1:9", "x = g(1)", "g(1)"),
    ],
)
def test_a_model_that_writes_the_whole_line_changes_a_part_of_it(
    text: str, place: str, answer: str, new: str
) -> None:
    """What is before the range was doubled: `x = x = g(3)`."""
    assert written(task(text, place), answer) == new


def test_a_whole_file_ends_with_one_line_end() -> None:
    source = Source("a.py", "x = 1\n")
    asked = edit_task(source, source.whole_span(), REQUEST, MESSAGES, "Change it.")
    assert written(asked, "x = 2") == written(asked, "x = 2\n\n\n") == "x = 2\n"


def test_empty_lines_at_the_end_of_a_file_stay() -> None:
    source = Source("a.py", "x = 1\n\n\n")
    asked = edit_task(source, source.whole_span(), REQUEST, MESSAGES, "Change it.")
    assert written(asked, "x = 2") == written(asked, "x = 2\n") == "x = 2\n\n\n"


TABS = "class A:\n\tdef f(self):\n\t\tif x:\n\t\t\treturn 1\n\t\treturn 2\n"
GO = "func f() {\n\tfor a {\n\t\tb()\n\t}\n}\n"


@pytest.mark.parametrize(
    ("name", "text", "place", "new"),
    [
        ("a.py", TABS, "3-4", "if y:\n    return 3"),
        ("a.py", TABS, "3-4", "if y:\n  return 3"),
        ("a.py", TABS, "3-4", "        if y:\n            return 3"),
        ("a.py", TABS, "2-5", "def f(self):\n    if x:\n        return 3\n    return 2"),
        ("a.py", TABS, "1-5", TABS.expandtabs(4).replace("1", "3")),
        ("a.go", GO, "2-4", "for a {\n    c()\n}"),
        ("a.py", TABS.expandtabs(4), "3-4", "if y:\n\treturn 3"),
    ],
)
def test_new_code_has_the_tabs_or_spaces_of_its_file(
    name: str, text: str, place: str, new: str
) -> None:
    asked = task(text, place, name=name)
    changed = written(asked, new)
    kinds = {line[: len(line) - len(line.lstrip())] for line in text.splitlines()}
    for line in changed.splitlines():
        assert line[: len(line) - len(line.lstrip())] in kinds
    words = textwrap.dedent(changed.expandtabs(4))
    assert words.split() == new.split()
    depths = [len(line) - len(line.lstrip()) for line in changed.expandtabs(4).splitlines()]
    old = asked.original.expandtabs(4).splitlines()
    assert depths == [len(line) - len(line.lstrip()) for line in old]


def test_an_instruction_may_ask_for_other_tabs_or_spaces() -> None:
    asked = task(TABS, "1-5", instruction="Use 4 spaces in place of tabs.")
    assert written(asked, TABS.expandtabs(4)) == TABS.expandtabs(4).removesuffix("\n")


def test_a_raw_answer_is_neither_indented_nor_ended() -> None:
    raw = replace(REQUEST, infill=InfillOptions(raw=True))
    assert written(task("  x = 1\r\n", "1", raw), "x\n", "y\n\n") == "x\r\ny\r\n\r\n"


def test_new_code_may_have_the_line_that_follows_it() -> None:
    """A rule for holes took it for the end, and what came behind it was lost."""
    new = "if x < 0:\n    return x\nx = 1"
    asked = task("def f(x):\n    x += 1\n    return x\n", "2")
    assert written(asked, new) == textwrap.indent(new, "    ")


@pytest.mark.parametrize(
    ("question", "tokens"),
    [
        (Prompt((Special("<commit_before>"), "x = 1", Special("<commit_msg>"))), 7),
        (Conversation("abc", (Message("user", "ab"),), "```\n"), (1 + 3) + (1 + 2) + (1 + 4)),
        (Conversation("", (Message("user", "ab"),)), (1 + 2) + 1),
    ],
)
def test_a_control_token_is_one_and_a_message_has_one_more(
    question: Prompt | Conversation, tokens: int
) -> None:
    assert question_tokens(EchoModel(), question) == tokens


class Thinker(Writer):
    """Has a chat template that leaves out what was thought in earlier turns."""

    chat_template = "{{ content.split('</think>')[-1] }}"


def test_what_a_model_thinks_first_is_no_code() -> None:
    texts = ("<think>\nA draft:\n```\nx = 0\n```\n</think>\n\n", "```python\nx = 2\n", "```\n")
    prompt = PreparedPrompt(Prompt(()), ("\n```",))
    changed = task("x = 1\n", "1").stream(Thinker(*texts), prompt, Sampling())
    assert collect(changed).text == "x = 2"
    own = task("<think>\n", "1").stream(Thinker("<think>a\n", "</think>\n"), prompt, Sampling())
    assert collect(own).text == "<think>a\n</think>"
