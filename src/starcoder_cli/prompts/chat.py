"""Turn the messages of a chat into what a model reads.

Each family of tuned models marks messages in its own format. What a user or a model said is always
text in it, never control tokens.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starcoder_cli.errors import DataError
from starcoder_cli.files.source import to_model_text
from starcoder_cli.model import Conversation, Message, Prompt, Role, Special


@dataclass(frozen=True)
class MessageDelimiters:
    """What comes before and after a message."""

    before: tuple[str, ...]
    after: tuple[str, ...] = ("\n\n",)


@dataclass(frozen=True)
class ChatFormat:
    """How a family of models marks messages, and what ends its answers.

    Its chat templates contain all of the `template_markers`. Its models without a template have one
    of `model_names` in their names. `prompt_start` comes before everything. `system_turn` is the
    question that contains the system text, 0 for the first and -1 for the last, None if the text
    has a turn of its own. With `leading_space` a model starts each answer with a space, which is
    not shown.
    """

    name: str
    delimiters: Mapping[Role, MessageDelimiters]
    stop: tuple[str, ...]
    template_markers: tuple[str, ...] = ()
    model_names: tuple[str, ...] = ()
    prompt_start: tuple[str, ...] = ()
    system_turn: int | None = None
    leading_space: bool = False

    def build_prompt(self, conversation: Conversation) -> Prompt:
        """Build the prompt for the next answer."""
        messages = (*conversation.opening(), *conversation.messages)
        prefix = conversation.answer_prefix
        start = f"{' ' if self.leading_space else ''}{prefix}" if prefix else ""
        pieces = (
            *self.prompt_start,
            *self.render_messages(messages),
            *self.delimiters["assistant"].before,
            start,
        )
        return Prompt(merge_text_pieces(pieces), self.stop)

    def render_messages(self, messages: tuple[Message, ...]) -> tuple[str, ...]:
        """Render the messages, each between its delimiters."""
        system_pieces: tuple[str, ...] = ()
        if self.system_turn is not None and messages and messages[0].role == "system":
            system_pieces, messages = self.render_message(messages[0]), messages[1:]
        question_indexes = [
            index for index, message in enumerate(messages) if message.role == "user"
        ] or [0]
        system_index = question_indexes[self.system_turn or 0]
        rendered = (
            self.render_message(message, system_pieces if index == system_index else ())
            for index, message in enumerate(messages)
        )
        return tuple(piece for pieces in rendered for piece in pieces)

    def render_message(
        self, message: Message, system_pieces: tuple[str, ...] = ()
    ) -> tuple[str, ...]:
        """Render a message between its delimiters, after the pieces of the system text."""
        delimiters, space = self.delimiters[message.role], ""
        if self.leading_space and message.role == "assistant":
            space = " "
        return (*delimiters.before, *system_pieces, space, message.text, *delimiters.after)

    def count_tokens(
        self, messages: tuple[Message, ...], count_text_tokens: Callable[[str], int]
    ) -> int:
        """Count the tokens of messages, including their delimiters."""
        pieces = merge_text_pieces(self.render_messages(messages))
        return sum(
            1 if isinstance(piece, Special) else count_text_tokens(piece) for piece in pieces
        )

    def control_tokens(self) -> frozenset[Special]:
        """All control tokens of a prompt."""
        all_delimiters = (MessageDelimiters(self.prompt_start, ()), *self.delimiters.values())
        pieces = [
            piece
            for delimiters in all_delimiters
            for piece in (*delimiters.before, *delimiters.after)
        ]
        return frozenset(piece for piece in pieces if isinstance(piece, Special))


def merge_text_pieces(pieces: tuple[str, ...]) -> tuple[str, ...]:
    """Merge adjacent texts: a tokenizer then reads them as in training."""
    result: list[str] = []
    for piece in pieces:
        if result and not isinstance(piece, Special) and not isinstance(result[-1], Special):
            result[-1] += piece
        else:
            result.append(piece)
    return tuple(piece for piece in result if piece)


def drop_oldest_turns(
    conversation: Conversation, budget: int, cost: Callable[[tuple[Message, ...]], int]
) -> Conversation:
    """Drop the oldest turns, whole, until the prompt costs at most `budget` tokens.

    A quarter of the budget is dropped at a time while more than two turns are left: the rest then
    starts the same for some turns, and an engine with a prompt cache reads only what is new. The
    system text and the last question stay; raises DataError if they are too long.
    """
    turns = conversation.turns()
    costs = [cost(turn) for turn in turns]
    always = cost((*conversation.opening(), Message("assistant", conversation.answer_prefix)))
    excess = always + sum(costs) - budget
    if excess <= 0:
        return conversation
    step = max(budget // 4, 1)
    target = -(-excess // step) * step
    dropped = first = 0
    while first < len(turns) - 1 and (
        dropped < excess or (dropped < target and first < len(turns) - 2)
    ):
        dropped += costs[first]
        first += 1
    if dropped < excess:
        raise DataError(
            f"the question is longer than the {budget} tokens that the model can read",
            "shorten it, or give less text with it",
        )
    return conversation.with_turns(turns[first:])


def text_stops(prompt: Prompt) -> tuple[str, ...]:
    """The texts that end an answer, without the control tokens, which never arrive as text."""
    return tuple(stop for stop in prompt.stop if not isinstance(stop, Special))


def question_with_texts(question: str, texts: tuple[str, ...]) -> str:
    """Put a question after the texts it is about, each a fenced block."""
    return "\n".join((*texts, question))


def fenced_block(text: str, name: str, language: str = "") -> str:
    """Format a text as a named fenced block, with a fence longer than any in the text."""
    fence = "```"
    while fence in text:
        fence += "`"
    end = "" if text.endswith("\n") or not text else "\n"
    return f"{to_model_text(name)}:\n{fence}{language}\n{text}{end}{fence}\n"
