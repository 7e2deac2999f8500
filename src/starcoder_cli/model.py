"""What a model is asked, and what it is to the rest of the program.

A question is a `Prompt`, piece by piece as the model reads it; or a `Hole` or a `Conversation`, for
a model at a server that spells these itself.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from starcoder_cli.errors import DataError, UsageError
from starcoder_cli.stream import Stream

Role: TypeAlias = Literal["system", "user", "assistant"]


MAX_ANSWER_TOKENS = 1_000_000
MAX_TOP_LOGPROBS = 20
"""As many as OpenAI's API tells."""


class Special(str):
    """A control token, never the user's own text. Losing the mark makes it plain text."""

    __slots__ = ()


@dataclass(frozen=True)
class Prompt:
    """What a model reads, piece by piece, and the texts or control tokens that end its answer.

    The answer has to begin with `forced_prefix`; the stream of it leaves that out. `references` are
    texts that it may repeat: the model does not read them, but checks drafts from them.
    """

    pieces: tuple[str, ...]
    stop: tuple[str, ...] = ()
    forced_prefix: str = ""
    references: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "".join((*self.pieces, self.forced_prefix))


@dataclass(frozen=True)
class Hole:
    """A gap in some code; a completion is a hole whose suffix is empty."""

    prefix: str
    suffix: str = ""

    def __str__(self) -> str:
        return f"{self.prefix}⟨gap⟩{self.suffix}"


@dataclass(frozen=True)
class Message:
    """What one side said; `typed` is what a user typed of it, where files come along."""

    role: Role
    text: str
    typed: str = ""


@dataclass(frozen=True)
class Conversation:
    """Questions and answers so far, and the text that tells the model how to answer.

    The next answer has to begin with `answer_prefix`, such as a fence; the stream leaves it out.
    """

    system: str = ""
    messages: tuple[Message, ...] = ()
    answer_prefix: str = ""

    def __str__(self) -> str:
        parts = [f"⟨{each.role}⟩{each.text}" for each in (*self.opening(), *self.messages)]
        return "".join((*parts, "⟨assistant⟩", self.answer_prefix))

    def with_question(self, text: str, typed: str = "") -> "Conversation":
        """The conversation with one more question."""
        return replace(self, messages=(*self.messages, Message("user", text, typed)))

    def with_answer(self, text: str) -> "Conversation":
        """The conversation with one more answer."""
        return replace(self, messages=(*self.messages, Message("assistant", text)))

    def cleared(self) -> "Conversation":
        """Only the system text."""
        return replace(self, messages=())

    def undone(self) -> "Conversation":
        """The conversation without its last turn."""
        return self.with_turns(self.turns()[:-1])

    def turns(self) -> tuple[tuple[Message, ...], ...]:
        """The messages by turn: a question, and the answer to it where there is one."""
        starts = [at for at, message in enumerate(self.messages) if message.role == "user"]
        ends = [*starts, len(self.messages)][1:]
        return tuple(self.messages[at:end] for at, end in zip(starts, ends, strict=True))

    def with_turns(self, turns: tuple[tuple[Message, ...], ...]) -> "Conversation":
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


Question: TypeAlias = Prompt | Hole | Conversation


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen, and when to stop asking for more; temperature 0 is greedy.

    `logprobs` asks for the log-probability of each token too, which costs time, `top_logprobs` for
    so many of the likeliest tokens in its place.

    Raises UsageError for values that have no meaning: engines take them without a word.
    """

    max_tokens: int = 256
    temperature: float = 0.0
    top_p: float = 0.95
    seed: int | None = None
    logprobs: bool = False
    top_logprobs: int = 0

    def __post_init__(self) -> None:
        limits: tuple[tuple[str, float | None, float, float], ...] = (
            ("max_tokens", self.max_tokens, 1, MAX_ANSWER_TOKENS),
            ("temperature", self.temperature, 0, 2),
            ("top_p", self.top_p, 0.000001, 1),
            ("seed", self.seed, 0, 2**32 - 2),  # llama.cpp takes the next one as no seed
            ("top_logprobs", self.top_logprobs, 0, MAX_TOP_LOGPROBS),
        )
        for name, value, least, most in limits:
            if value is not None and not least <= value <= most:
                raise UsageError(
                    f"{name} cannot be {value}", f"give a number from {least:g} to {most:.15g}"
                )


class Model(Protocol):
    """Something that answers questions about code."""

    @property
    def engine(self) -> str:
        """What runs it, as `--engine` names it; `endpoint` where that is elsewhere."""

    @property
    def window(self) -> int:
        """The most tokens that prompt and answer may have together."""

    @property
    def chat_template(self) -> str:
        """The chat template among its files, as found and possibly hostile; empty without one."""

    @property
    def spells(self) -> AbstractSet[type]:
        """`Hole` and `Conversation`, as far as it takes them; all else reaches it as a Prompt."""

    def stream(self, question: Question, sampling: Sampling) -> Stream:
        """The answer as it is made; closing the stream stops the model within two tokens."""

    def count(self, text: str) -> int:
        """How many tokens a text has, as user text: control tokens in it are not parsed.

        An endpoint without a tokenizer to ask gives an estimate.
        """

    def has_token(self, text: str) -> bool:
        """Whether a text is exactly one of its control tokens.

        At an endpoint without a tokenizer to ask, the family that its name tells decides.
        """

    def close(self) -> None:
        """Give back what the model holds."""


@runtime_checkable
class Tokenizing(Protocol):
    """A model that tells the tokens of a text; one at an endpoint may only tell how many."""

    def tokenize(self, text: str) -> list[int]:
        """The ids of a text's tokens as user text: control tokens in it are not parsed."""


SPELLS_NOTHING: AbstractSet[type] = frozenset()


def as_prompt(question: Question) -> Prompt:
    """The prompt that a question is, for an engine that spells nothing itself.

    Raises TypeError for a Hole or a Conversation: who asks looks at `spells` first.
    """
    if not isinstance(question, Prompt):
        raise TypeError(f"a {type(question).__name__} has to be spelled as a prompt first")
    return question


def check_room(window: int, prompt: int, max_tokens: int) -> None:
    """Raises DataError where a prompt of so many tokens leaves no room for the answer."""
    room = max(window - prompt, 0)
    if room < max_tokens:
        raise DataError(
            f"a prompt of {prompt} tokens leaves room for {room} in the window",
            "shorten it, or lower --max-tokens",
        )
