"""From a conversation to what a model is asked, and to the next answer in it."""

from collections.abc import Set as AbstractSet
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starcoder_cli.catalog import SMALL_MODEL, ModelSpec, find_model
from starcoder_cli.engines.echo import EchoModel
from starcoder_cli.errors import DataError, UsageError
from starcoder_cli.languages import find_language
from starcoder_cli.model import Conversation, Message, Prompt, Question, Sampling
from starcoder_cli.postprocess.code_block import extract_code
from starcoder_cli.prompts.build import PROMPT_OVERHEAD_TOKENS
from starcoder_cli.prompts.chat import ChatFormat
from starcoder_cli.prompts.chat_formats import CHAT_FORMATS, CHATML, PLAIN_CHAT
from starcoder_cli.reply import (
    ChatModel,
    chat_format,
    continue_code,
    forget_reasoning,
    max_size,
    with_answer_prefix,
)
from starcoder_cli.stream import Chunk, Stream, collect

TALK = Conversation("Be brief.").with_question("one?").with_answer("1").with_question("two?")
MOST = 10
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


class SmallModel(EchoModel):
    """Reads 200 characters besides the answer and what is around it."""

    window = 200 + MOST + PROMPT_OVERHEAD_TOKENS


class PlainModel(EchoModel):
    """Knows no control token."""

    def has_token(self, text: str) -> bool:
        return False


class ServerModel(SmallModel):
    """Is given conversations as they are."""

    spells: AbstractSet[type] = frozenset({Conversation})


class Writer(EchoModel):
    """Writes some texts."""

    def __init__(self, *texts: str) -> None:
        self.texts = texts

    def stream(self, question: Question, sampling: Sampling) -> Stream:
        yield from map(Chunk, self.texts)
        yield Chunk("", 0, "length")


class ServerWriter(Writer):
    """Is given conversations as they are."""

    spells: AbstractSet[type] = frozenset({Conversation})


def turns(count: int) -> Conversation:
    """So many questions of 30 characters with their answers, and a last question."""
    talk = Conversation("Be brief.")
    for number in range(count):
        talk = talk.with_question(f"{number:030}").with_answer("yes")
    return talk.with_question("last?")


@pytest.mark.parametrize(
    ("model", "spec", "form"),
    [
        (EchoModel(), find_model(SMALL_MODEL), CHATML),
        (PlainModel(), ModelSpec("mine"), PLAIN_CHAT),
        (ServerModel(), find_model(SMALL_MODEL), None),
    ],
)
def test_a_model_is_asked_in_its_format_but_not_one_whose_server_has_it(
    model: EchoModel, spec: ModelSpec, form: ChatFormat | None
) -> None:
    assert chat_format(model, spec) is form
    assert ChatModel.of(model, spec) == ChatModel(model, form)


def test_a_conversation_that_fits_is_asked_whole() -> None:
    notes: list[str] = []
    asked = ChatModel(EchoModel(), CHATML).prompt(TALK, MOST, notes.append, strict=True)
    assert asked == CHATML.build_prompt(TALK)
    assert ChatModel(ServerModel(), None).prompt(TALK, MOST, notes.append) == TALK
    assert notes == []


@pytest.mark.parametrize(("form", "lost"), [(CHATML, 6), (None, 3)])
def test_the_oldest_turns_are_left_out_with_a_note_or_refused(
    form: ChatFormat | None, lost: int
) -> None:
    notes: list[str] = []
    replier = ChatModel(ServerModel() if form is None else SmallModel(), form)
    talk = turns(8)
    near = talk.with_turns(talk.turns()[lost:])
    asked = replier.prompt(talk, MOST, notes.append)
    what = "the conversation is longer than the 200 tokens that the model can read"
    assert notes == [f"{what}: left out the {lost} oldest of its turns"]
    assert asked == (form.build_prompt(near) if form else near)
    with pytest.raises(DataError) as caught:
        replier.prompt(talk, MOST, notes.append, strict=True)
    assert str(caught.value) == f"{what}; begin a new one, or omit --strict-context"


def test_a_question_that_is_too_long_by_itself_is_an_error_and_no_note() -> None:
    notes: list[str] = []
    with pytest.raises(DataError, match="the question is longer than the 200 tokens"):
        ChatModel(SmallModel(), CHATML).prompt(TALK.with_question("x" * 300), MOST, notes.append)
    assert notes == []


def test_an_answer_that_leaves_no_room_for_a_question() -> None:
    with pytest.raises(UsageError) as caught:
        ChatModel(SmallModel(), CHATML).prompt(TALK, 180, print)
    assert str(caught.value) == (
        "180 tokens of answer leave no room for a question; "
        "the window is 242 tokens: lower --max-tokens"
    )


@given(
    st.builds(
        Conversation,
        TEXT,
        st.lists(st.builds(Message, st.sampled_from(["user", "assistant"]), TEXT)).map(tuple),
    ),
    st.sampled_from([*CHAT_FORMATS.values(), None]),
)
@settings(deadline=None)
def test_no_conversation_costs_more_than_the_most_that_it_can(
    talk: Conversation, form: ChatFormat | None
) -> None:
    cost = ChatModel(EchoModel(), form).cost((*talk.opening(), *talk.messages))
    assert cost <= max_size(talk)


def test_an_answer_ends_at_the_texts_of_its_format_and_at_those_of_the_user() -> None:
    def reply(question: Question, *stop: str) -> tuple[str, str]:
        writer = Writer("one", "\nQues", "tion: two")
        told = collect(ChatModel(writer, PLAIN_CHAT).stream(question, stop, Sampling(MOST)))
        return told.text, told.reason

    prompt = Prompt(("why?",), ("\nQuestion:",))
    assert reply(prompt) == ("one", "stop")
    assert reply(prompt, "ne") == ("o", "stop")
    assert reply(TALK) == ("one\nQuestion: two", "length")


def test_the_space_before_an_answer_goes_where_the_format_has_one() -> None:
    for form, text in ((CHAT_FORMATS["llama2"], "x"), (CHATML, " x")):
        chunks = ChatModel(Writer(" ", "x"), form).stream(Prompt(("a",)), (), Sampling(MOST))
        assert collect(chunks).text == text


DRAFT = "A first idea:\n```\nWRONG\n```\n</think>\n\n"


def test_what_a_local_model_thinks_is_not_its_answer() -> None:
    """Where its chat template has no marks, the model cannot have been begun to think."""
    form = CHATML
    writer = Writer("<think>", DRAFT, "so")
    read = collect(ChatModel(writer, form).stream(Prompt(("q",)), (), Sampling()))
    assert (read.text, read.reasoning_content) == ("so", DRAFT.partition("</think>")[0])
    held = ChatModel(Writer(DRAFT, "so"), form, reasons=True)
    assert collect(held.stream(Prompt(("q",)), (), Sampling())).text == "so"
    plain = ChatModel(Writer("x", "b"), form).stream(Prompt(("q",)), (), Sampling(), is_live=False)
    assert [chunk.text for chunk in plain] == ["x", "b", ""]


def test_a_text_that_ends_an_answer_may_be_thought() -> None:
    writer = Writer("<think>the end</think>", "so the end")
    chunks = ChatModel(writer, CHATML).stream(Prompt(("q",)), ("the end",), Sampling())
    assert collect(chunks).text == "so "


def test_an_endpoint_may_have_begun_to_think_unless_somebody_watches() -> None:
    replier = ChatModel(ServerWriter(DRAFT, "so"), None)
    talk = Conversation().with_question("q")
    assert collect(replier.answer(talk, Sampling(), is_live=False)).text == "so"
    assert collect(replier.answer(talk, Sampling(), is_live=True)).text == f"{DRAFT}so"


@pytest.mark.parametrize(
    ("texts", "code"),
    [
        (("x = 1\n", "# </think>"), "x = 1\n# </think>"),
        (("<think>hm", "</think>\n", "```py\nx = 1\n", "```"), "x = 1\n"),
        (("",), ""),
    ],
)
def test_a_block_that_was_begun_goes_on(texts: tuple[str, ...], code: str) -> None:
    extract = partial(extract_code, original="", language=find_language("python"))
    chunks = Writer(*texts).stream(Prompt(()), Sampling())
    assert collect(continue_code(chunks, extract)).text == code


@pytest.mark.parametrize(
    ("texts", "whole"),
    [
        (("x = 1\n", "```"), "```py\nx = 1\n```"),
        (("<think>hm", "</think>\n", "```\nx = 1\n", "```"), "```\nx = 1\n```"),
        (("",), ""),
    ],
)
def test_an_answer_has_what_it_was_begun_with(texts: tuple[str, ...], whole: str) -> None:
    chunks = Writer(*texts).stream(Prompt(()), Sampling())
    assert collect(with_answer_prefix(chunks, "```py\n")).text == whole


def test_earlier_answers_are_remembered_without_what_was_thought() -> None:
    talk = Conversation().with_question("<think>a</think>b").with_answer(f"<think>{DRAFT}so")
    forgotten = forget_reasoning(talk.with_answer(f"{DRAFT}so").with_answer("`</think>`"))
    assert [message.text for message in forgotten.messages] == [
        *("<think>a</think>b", "so", "so", "`</think>`"),
    ]
    asked = ChatModel(ServerModel(), None).prompt(talk.with_question("c"), MOST, lambda text: None)
    assert "WRONG" not in str(asked)
