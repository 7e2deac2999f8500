"""How `starcoder chat` asks a model: in the form that its files tell, else in plain words."""

import json
from pathlib import Path

import pytest

from starcoder_cli.app.chat import Chat
from starcoder_cli.app.deliver import OutputOptions
from starcoder_cli.app.request import Request
from starcoder_cli.cli import main
from starcoder_cli.engines.echo import EchoModel
from starcoder_cli.model import Conversation, Prompt, Question, Sampling
from starcoder_cli.prompts.chat_formats import CHAT_FORMATS
from starcoder_cli.reply import ChatModel
from starcoder_cli.stream import Chunk, FinishReason, Stream
from tiny import build

Capture = pytest.CaptureFixture[str]
GRANITE_CODE = (
    "{% for message in messages %}{% if message['role'] == 'user' %}{{ 'Question:\n' + "
    "message['content'] + '\n\n' }}{% elif message['role'] == 'system' %}{{ 'System:\n' + "
    "message['content'] + '\n\n' }}{% else %}{{ 'Answer:\n' + message['content'] + '\n\n' }}"
    "{% endif %}{% endfor %}{{ 'Answer:\n' }}"
)
QUESTION = "Question:\nwhy?\n\nAnswer:\n"
PLAIN_WORDS = "it is asked in plain words; -m qwen2.5-coder-1.5b is tuned for chat\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint without a chat template."""
    return build(tmp_path_factory.mktemp("tiny") / "model", "starcoder2")


def asked(folder: Path, capfd: Capture) -> tuple[str, str]:
    """The prompt of a question to a checkpoint, and what is said of it."""
    words = ["chat", "-m", str(folder), "--device", "cpu", "-s", "Be brief.", "why?"]
    assert main([*words, "--show-prompt"]) == 0
    captured = capfd.readouterr()
    return captured.out, captured.err


def test_a_model_is_asked_in_the_form_that_its_files_tell(folder: Path, capfd: Capture) -> None:
    assert asked(folder, capfd) == (
        f"Be brief.\n\n{QUESTION}",
        f"note: {folder} has no chat template: {PLAIN_WORDS}",
    )
    settings = folder / "tokenizer_config.json"
    before = settings.read_text()
    settings.write_text(json.dumps({**json.loads(before), "chat_template": GRANITE_CODE}))
    assert asked(folder, capfd) == (f"System:\nBe brief.\n\n{QUESTION}", "")
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    assert asked(folder, capfd) == (
        f"Be brief.\n\n{QUESTION}",
        f"note: {folder} has a chat template that is not known here: {PLAIN_WORDS}",
    )
    (folder / "chat_template.jinja").unlink()
    settings.write_text(before)


class Spaced(EchoModel):
    """Begins its answer with a space, as models of the Llama 2 family do."""

    def stream(self, question: Question, sampling: Sampling) -> Stream:
        yield from (Chunk(""), Chunk(" "), Chunk(" x"), Chunk(" = 1", reason="stop"))


def test_the_space_before_an_answer_is_not_shown_but_read_again(capfd: Capture) -> None:
    form = CHAT_FORMATS["llama2"]
    chat = Chat(ChatModel(Spaced(), form), Request("echo", Sampling()), OutputOptions())
    conversation, said = Conversation().with_question("why?"), list[str]()
    assert chat.answer(chat.prompt(conversation), said.append).text == " x = 1"
    assert capfd.readouterr().out == " x = 1"
    again = chat.prompt(conversation.with_answer("".join(said)).with_question("so?"))
    assert isinstance(again, Prompt)
    assert "".join(again.pieces) == "[INST] why? [/INST]  x = 1 </s><s>[INST] so? [/INST]"


@pytest.mark.parametrize(
    ("answer", "question", "told"),
    [
        ("a\x1b[31m\u202eb", "why?", "␛<U+202E>"),
        ("a\x1b[31m\u202eb", "What is \u202e?", "␛"),
        ("a\r\nb", "why?", ""),
    ],
)
def test_characters_that_nobody_sees_are_told_of(
    answer: str, question: str, told: str, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    def stream(*_: object) -> Stream:
        yield Chunk(answer, reason="stop")

    monkeypatch.setattr(EchoModel, "stream", stream)
    note = f"note: the answer has characters that nobody sees: {told}\n" if told else ""
    assert main(["chat", "-m", "echo", question]) == 0
    captured = capfd.readouterr()
    assert (captured.out.rstrip("\n"), captured.err) == (answer, note)
    assert main(["chat", "-m", "echo", question, "--json"]) == 0
    assert capfd.readouterr().err == note


@pytest.mark.parametrize(
    ("thought", "reason", "problem"),
    [
        ("hm", "length", "echo spent all of its 0 tokens on thinking: --max-tokens allows more"),
        ("hm", "stop", "echo thought about it, and answered nothing"),
        ("", "stop", "echo has nothing to say to that"),
    ],
)
def test_no_answer_is_no_success(
    thought: str,
    reason: FinishReason,
    problem: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: Capture,
) -> None:
    def stream(*_: object) -> Stream:
        yield Chunk("", 0, reason, reasoning_content=thought)

    monkeypatch.setattr(EchoModel, "stream", stream)
    assert main(["chat", "-m", "echo", "why?"]) == 65
    assert capfd.readouterr() == ("", f"error: {problem}; ask again, or another model\n")
    assert main(["chat", "-m", "echo", "why?", "--json"]) == 0
    out, err = capfd.readouterr()
    assert (json.loads(out)["text"], err) == ("", f"note: {problem}\n")
