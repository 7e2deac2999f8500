"""Turns of a chat, the prompts they become, and what is left out where they are too long."""

import pytest

from starcoder_cli.errors import DataError
from starcoder_cli.model import Special
from starcoder_cli.prompts.chat import Conversation, Message, fenced, fit, with_texts
from starcoder_cli.prompts.chat_formats import CHATML

TALK = Conversation("Be brief.").said("one?").answered("1").said("two?")


def test_a_conversation_grows_by_turns_and_shrinks_by_turns() -> None:
    assert TALK.messages == (
        Message("user", "one?"),
        Message("assistant", "1"),
        Message("user", "two?"),
    )
    assert TALK.turns() == (TALK.messages[:2], TALK.messages[2:])
    assert TALK.undone() == Conversation("Be brief.").said("one?").answered("1")
    assert TALK.undone().undone() == TALK.cleared() == Conversation("Be brief.")
    assert TALK.cleared().undone() == TALK.cleared()


def test_a_conversation_as_a_document() -> None:
    assert TALK.answered("Like so:\n\n```c\nint x;\n```\n").markdown() == (
        "## Question\n\none?\n\n## Answer\n\n1\n\n## Question\n\ntwo?\n\n"
        "## Answer\n\nLike so:\n\n```c\nint x;\n```\n"
    )


def test_control_tokens_stand_alone_and_text_stands_in_one_piece() -> None:
    """A tokenizer that is given `user` and a line feed apart from the text reads other tokens."""
    assert CHATML.prompt(Conversation().said("hi")).pieces == (
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
        talk = talk.said(f"q{number:03}?").answered(f"a{number:03}.")
    return talk.said("last")


def cost(talk: Conversation) -> int:
    """The characters and control tokens of a conversation's prompt."""
    pieces = CHATML.prompt(talk).pieces
    return sum(1 if isinstance(piece, Special) else len(piece) for piece in pieces)


def test_a_conversation_that_fits_stays_whole() -> None:
    talk = ten_characters_each(5)
    assert fit(talk, CHATML, cost(talk) + 4, len) == talk


@pytest.mark.parametrize("budget", range(60, 420, 7))
def test_the_oldest_turns_are_dropped_whole(budget: int) -> None:
    talk = ten_characters_each(10)
    near = fit(talk, CHATML, budget, len)
    assert cost(near) <= budget
    assert near.messages == talk.messages[len(talk.messages) - len(near.messages) :]
    assert near.messages[0].role == "user"


def test_the_system_text_is_never_dropped() -> None:
    talk = Conversation("s" * 50, ten_characters_each(10).messages)
    near = fit(talk, CHATML, 150, len)
    assert near.system == talk.system
    assert cost(near) <= 150


def test_turns_are_dropped_some_at_a_time_so_that_the_beginning_stays_the_same() -> None:
    """An engine that remembers what it has read has to read everything where that changes."""
    beginnings = [
        fit(ten_characters_each(count), CHATML, 400, len).messages[0].text
        for count in range(20, 40)
    ]
    assert len(set(beginnings)) == 7


def test_the_turn_before_the_question_goes_only_where_it_has_to() -> None:
    talk = Conversation().said("a").answered("b").said("c" * 100).answered("d" * 100).said("last")
    assert fit(talk, CHATML, cost(talk) - 5, len) == talk.of(talk.turns()[1:])
    assert fit(talk, CHATML, 200, len) == talk.of(talk.turns()[2:])


def test_a_question_that_is_too_long_by_itself_is_an_error() -> None:
    with pytest.raises(DataError) as caught:
        fit(ten_characters_each(3).said("x" * 500), CHATML, 400, len)
    assert str(caught.value) == (
        "the question is longer than the 400 tokens that the model can read; "
        "shorten it, or give less text with it"
    )


def test_texts_come_before_the_question_that_is_about_them() -> None:
    texts = (fenced("x = 1", "a.py", "python"), fenced("", "empty"))
    assert with_texts("why?", texts) == ("a.py:\n```python\nx = 1\n```\n\nempty:\n```\n```\n\nwhy?")
    assert with_texts("why?", ()) == "why?"


def test_a_fence_is_longer_than_those_in_the_text() -> None:
    assert fenced("```\n````\n", "a.md", "markdown") == ("a.md:\n`````markdown\n```\n````\n`````\n")
