"""From the turns of a chat to what a model reads.

Each family of tuned models marks the turns in a form of its own. What a user or a model said is
always text in it, never control tokens.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from starcoder_cli.errors import DataError
from starcoder_cli.model import Prompt, Special

Role: TypeAlias = Literal["system", "user", "assistant"]


@dataclass(frozen=True)
class Message:
    """What one side said."""

    role: Role
    text: str


@dataclass(frozen=True)
class Conversation:
    """Questions and answers so far, and the text that tells the model how to answer."""

    system: str = ""
    messages: tuple[Message, ...] = ()

    def said(self, text: str) -> "Conversation":
        """The conversation with one more question."""
        return replace(self, messages=(*self.messages, Message("user", text)))

    def answered(self, text: str) -> "Conversation":
        """The conversation with one more answer."""
        return replace(self, messages=(*self.messages, Message("assistant", text)))

    def cleared(self) -> "Conversation":
        """Only the system text."""
        return replace(self, messages=())

    def undone(self) -> "Conversation":
        """The conversation without its last turn."""
        return self.of(self.turns()[:-1])

    def turns(self) -> tuple[tuple[Message, ...], ...]:
        """The messages by turn: a question, and the answer to it where there is one."""
        starts = [at for at, message in enumerate(self.messages) if message.role == "user"]
        ends = [*starts, len(self.messages)][1:]
        return tuple(self.messages[at:end] for at, end in zip(starts, ends, strict=True))

    def of(self, turns: tuple[tuple[Message, ...], ...]) -> "Conversation":
        """The same system text with these turns."""
        return replace(self, messages=tuple(message for turn in turns for message in turn))

    def opening(self) -> tuple[Message, ...]:
        """The system text as a message; nothing where it is empty."""
        return (Message("system", self.system),) if self.system else ()

    def markdown(self) -> str:
        """The conversation as a document: a heading for each question and each answer."""
        titles = {"user": "Question", "assistant": "Answer"}
        parts = [
            f"## {titles[message.role]}\n\n{message.text.strip()}\n" for message in self.messages
        ]
        return "\n".join(parts)


@dataclass(frozen=True)
class Frame:
    """What stands before and after one message."""

    before: tuple[str, ...]
    after: tuple[str, ...] = ("\n\n",)


@dataclass(frozen=True)
class ChatFormat:
    """How a family of models marks the turns of a chat, and what ends its answers.

    Its chat templates have all of the `markers`. Models of it that came without one have a name of
    `models` in theirs. `opening` comes before everything. `within` is the question in which the
    system text stands, 0 for the first and -1 for the last, None where it has a turn of its own.
    With `spaced` a model begins each answer with a space, which is not shown.
    """

    name: str
    frames: Mapping[Role, Frame]
    stop: tuple[str, ...]
    markers: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    opening: tuple[str, ...] = ()
    within: int | None = None
    spaced: bool = False

    def prompt(self, conversation: Conversation) -> Prompt:
        """The prompt that asks for the next answer."""
        messages = (*conversation.opening(), *conversation.messages)
        pieces = (*self.opening, *self.pieces(messages), *self.frames["assistant"].before)
        return Prompt(merged(pieces), self.stop)

    def pieces(self, messages: tuple[Message, ...]) -> tuple[str, ...]:
        """The messages, each in its frame."""
        told: tuple[str, ...] = ()
        if self.within is not None and messages and messages[0].role == "system":
            told, messages = self.framed(messages[0]), messages[1:]
        questions = [at for at, message in enumerate(messages) if message.role == "user"] or [0]
        seat = questions[self.within or 0]
        framed = (
            self.framed(message, told if at == seat else ()) for at, message in enumerate(messages)
        )
        return tuple(piece for pieces in framed for piece in pieces)

    def framed(self, message: Message, told: tuple[str, ...] = ()) -> tuple[str, ...]:
        """A message in its frame, behind what else is told in it."""
        frame, space = self.frames[message.role], ""
        if self.spaced and message.role == "assistant":
            space = " "
        return (*frame.before, *told, space, message.text, *frame.after)

    def cost(self, messages: tuple[Message, ...], count: Callable[[str], int]) -> int:
        """How many tokens the messages have in their frames."""
        pieces = merged(self.pieces(messages))
        return sum(1 if isinstance(piece, Special) else count(piece) for piece in pieces)

    def specials(self) -> frozenset[Special]:
        """Every control token of a prompt."""
        frames = (Frame(self.opening, ()), *self.frames.values())
        pieces = [piece for frame in frames for piece in (*frame.before, *frame.after)]
        return frozenset(piece for piece in pieces if isinstance(piece, Special))


def merged(pieces: tuple[str, ...]) -> tuple[str, ...]:
    """The same pieces with neighbouring texts as one: a tokenizer reads them as it was trained."""
    found: list[str] = []
    for piece in pieces:
        if found and not isinstance(piece, Special) and not isinstance(found[-1], Special):
            found[-1] += piece
        else:
            found.append(piece)
    return tuple(piece for piece in found if piece)


def fit(
    conversation: Conversation, form: ChatFormat, budget: int, count: Callable[[str], int]
) -> Conversation:
    """Drop the oldest turns, whole, until the prompt costs at most `budget` tokens.

    They go a quarter of the budget at a time, as far as there are more than two: what is left
    then begins alike for some turns, and an engine that remembers what it has read reads only
    what is new. The system text and the last question stay; DataError where they are too long.
    """
    turns = conversation.turns()
    costs = [form.cost(turn, count) for turn in turns]
    always = form.cost((*conversation.opening(), Message("assistant", "")), count)
    needed = always + sum(costs) - budget
    if needed <= 0:
        return conversation
    step = max(budget // 4, 1)
    wanted = -(-needed // step) * step
    dropped = first = 0
    while first < len(turns) - 1 and (
        dropped < needed or (dropped < wanted and first < len(turns) - 2)
    ):
        dropped += costs[first]
        first += 1
    if dropped < needed:
        raise DataError(
            f"the question is longer than the {budget} tokens that the model can read",
            "shorten it, or give less text with it",
        )
    return conversation.of(turns[first:])


def with_texts(question: str, texts: tuple[str, ...]) -> str:
    """A question behind the texts that it is about, each a fenced block of its own."""
    return "\n".join((*texts, question))


def fenced(text: str, name: str, language: str = "") -> str:
    """A text as a named fenced block, with a fence that is longer than any in the text."""
    mark = "```"
    while mark in text:
        mark += "`"
    end = "" if text.endswith("\n") or not text else "\n"
    return f"{name}:\n{mark}{language}\n{text}{end}{mark}\n"
