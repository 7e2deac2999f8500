"""Turns of a chat, the prompts they become, and what is left out where they are too long."""

import pytest

from starcoder_cli.errors import DataError
from starcoder_cli.model import Conversation, Message, Special
from starcoder_cli.prompts.chat import drop_oldest_turns, fenced_block, question_with_texts
from starcoder_cli.prompts.chat_formats import CHATML

TALK = Conversation("Be brief.").with_question("one?").with_answer("1").with_question("two?")


def test_a_conversation_grows_by_turns_and_shrinks_by_turns() -> None:
    assert TALK.messages == (
        Message("user", "one?"),
        Message("assistant", "1"),
        Message("user", "two?"),
    )
    assert TALK.turns() == (TALK.messages[:2], TALK.messages[2:])
    assert TALK.undone() == Conversation("Be brief.").with_question("one?").with_answer("1")
    assert TALK.undone().undone() == TALK.cleared() == Conversation("Be brief.")
    assert TALK.cleared().undone() == TALK.cleared()


def test_a_conversation_as_a_document() -> None:
    assert TALK.with_answer("Like so:\n\n```c\nint x;\n```\n").markdown() == (
        "## Question\n\none?\n\n## Answer\n\n1\n\n## Question\n\ntwo?\n\n"
        "## Answer\n\nLike so:\n\n```c\nint x;\n```\n"
    )


def test_control_tokens_stand_alone_and_text_stands_in_one_piece() -> None:
    """A tokenizer that is given `user` and a line feed apart from the text reads other tokens."""
    assert CHATML.build_prompt(Conversation().with_question("hi")).pieces == (
        "<|im_start|>",
        "user\nhi",
        "<|im_end|>",
        "\n",
        "<|im_start|>",
        "assistant\n",
    )


def ten_characters_each(count: int) -> Conversation:
    """So many turns of ten characters, and a question of four; no system text."""
    talk = Conversation()
    for number in range(count):
        talk = talk.with_question(f"q{number:03}?").with_answer(f"a{number:03}.")
    return talk.with_question("last")


def cost(talk: Conversation) -> int:
    """The characters and control tokens of a conversation's prompt."""
    pieces = CHATML.build_prompt(talk).pieces
    return sum(1 if isinstance(piece, Special) else len(piece) for piece in pieces)


def near(talk: Conversation, budget: int) -> Conversation:
    """What is left of a conversation."""
    return drop_oldest_turns(talk, budget, lambda messages: CHATML.count_tokens(messages, len))


def test_a_conversation_that_fits_stays_whole() -> None:
    talk = ten_characters_each(5)
    assert near(talk, cost(talk) + 4) == talk


@pytest.mark.parametrize("budget", range(60, 420, 7))
def test_the_oldest_turns_are_dropped_whole(budget: int) -> None:
    talk = ten_characters_each(10)
    kept = near(talk, budget)
    assert cost(kept) <= budget
    assert kept.messages == talk.messages[len(talk.messages) - len(kept.messages) :]
    assert kept.messages[0].role == "user"


def test_the_system_text_is_never_dropped() -> None:
    talk = Conversation("s" * 50, ten_characters_each(10).messages)
    kept = near(talk, 150)
    assert kept.system == talk.system
    assert cost(kept) <= 150


def test_turns_are_dropped_some_at_a_time_so_that_the_beginning_stays_the_same() -> None:
    """An engine that remembers what it has read has to read everything where that changes."""
    beginnings = [near(ten_characters_each(count), 400).messages[0].text for count in range(20, 40)]
    assert len(set(beginnings)) == 7


def test_the_turn_before_the_question_goes_only_where_it_has_to() -> None:
    talk = (
        Conversation()
        .with_question("a")
        .with_answer("b")
        .with_question("c" * 100)
        .with_answer("d" * 100)
        .with_question("last")
    )
    assert near(talk, cost(talk) - 5) == talk.with_turns(talk.turns()[1:])
    assert near(talk, 200) == talk.with_turns(talk.turns()[2:])


def test_a_question_that_is_too_long_by_itself_is_an_error() -> None:
    with pytest.raises(DataError) as caught:
        near(ten_characters_each(3).with_question("x" * 500), 400)
    assert str(caught.value) == (
        "the question is longer than the 400 tokens that the model can read; "
        "shorten it, or give less text with it"
    )


def test_texts_come_before_the_question_that_is_about_them() -> None:
    texts = (fenced_block("x = 1", "a.py", "python"), fenced_block("", "empty"))
    assert question_with_texts("why?", texts) == (
        "a.py:\n```python\nx = 1\n```\n\nempty:\n```\n```\n\nwhy?"
    )
    assert question_with_texts("why?", ()) == "why?"


def test_a_fence_is_longer_than_those_in_the_text() -> None:
    assert fenced_block("```\n````\n", "a.md", "markdown") == (
        "a.md:\n`````markdown\n```\n````\n`````\n"
    )


def test_a_name_that_is_no_utf8_is_one_that_a_model_can_read() -> None:
    assert fenced_block("x", "caf\udce9.py") == "caf\ufffd.py:\n```\nx\n```\n"
