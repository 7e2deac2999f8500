"""Questions for a model, and the interface of a model.

A question is a `Prompt`, piece by piece as the model reads it, or a `Hole` or `Conversation` for a
model on a server that builds the prompt itself.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from starcoder_cli.errors import DataError, UsageError
from starcoder_cli.stream import Stream

Role: TypeAlias = Literal["system", "user", "assistant"]


MAX_ANSWER_TOKENS = 1_000_000
MAX_TOP_LOGPROBS = 20
"""OpenAI's maximum."""


class Special(str):
    """A control token, never the user's own text. Without this type it is plain text."""

    __slots__ = ()


@dataclass(frozen=True)
class Prompt:
    """A prompt in pieces, and the texts or control tokens that end its answer.

    The answer must begin with `forced_prefix`; its stream leaves that out. `references` are texts
    it may repeat: the model does not read them, but verifies drafts taken from them.
    """

    pieces: tuple[str, ...]
    stop: tuple[str, ...] = ()
    forced_prefix: str = ""
    references: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "".join((*self.pieces, self.forced_prefix))


@dataclass(frozen=True)
class Hole:
    """A gap in some code: the text before it and after it, either of which may be empty."""

    prefix: str
    suffix: str = ""

    def __str__(self) -> str:
        return f"{self.prefix}⟨gap⟩{self.suffix}"


@dataclass(frozen=True)
class Message:
    """A message from one side; `typed` is the part that the user typed if files are attached."""

    role: Role
    text: str
    typed: str = ""


@dataclass(frozen=True)
class Conversation:
    """The questions and answers so far, and the text that tells the model how to answer.

    The next answer must begin with `answer_prefix`, such as a fence; its stream leaves that out.
    """

    system: str = ""
    messages: tuple[Message, ...] = ()
    answer_prefix: str = ""

    def __str__(self) -> str:
        parts = [f"⟨{each.role}⟩{each.text}" for each in (*self.opening(), *self.messages)]
        return "".join((*parts, "⟨assistant⟩", self.answer_prefix))

    def with_question(self, text: str, typed: str = "") -> "Conversation":
        """Append a question."""
        return replace(self, messages=(*self.messages, Message("user", text, typed)))

    def with_answer(self, text: str) -> "Conversation":
        """Append an answer."""
        return replace(self, messages=(*self.messages, Message("assistant", text)))

    def cleared(self) -> "Conversation":
        """Remove all messages, but keep the system text."""
        return replace(self, messages=())

    def undone(self) -> "Conversation":
        """Remove the last turn."""
        return self.with_turns(self.turns()[:-1])

    def turns(self) -> tuple[tuple[Message, ...], ...]:
        """The messages by turn: a question and its answer, if any."""
        starts = [at for at, message in enumerate(self.messages) if message.role == "user"]
        ends = [*starts, len(self.messages)][1:]
        return tuple(self.messages[at:end] for at, end in zip(starts, ends, strict=True))

    def with_turns(self, turns: tuple[tuple[Message, ...], ...]) -> "Conversation":
        """Replace the messages with the given turns, but keep the system text."""
        return replace(self, messages=tuple(message for turn in turns for message in turn))

    def opening(self) -> tuple[Message, ...]:
        """The system text as a message; nothing if it is empty."""
        return (Message("system", self.system),) if self.system else ()

    def markdown(self) -> str:
        """The conversation as a document, with a heading for each question and answer."""
        titles = {"user": "Question", "assistant": "Answer"}
        parts = [
            f"## {titles[message.role]}\n\n{message.text.strip()}\n" for message in self.messages
        ]
        return "\n".join(parts)


Question: TypeAlias = Prompt | Hole | Conversation


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen, and when to stop; temperature 0 is greedy.

    `logprobs` also requests the log-probability of each token, which costs time, and `top_logprobs`
    the number of likeliest alternatives to report.

    Raises UsageError for meaningless values, which engines accept silently.
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
            ("seed", self.seed, 0, 2**32 - 2),  # llama.cpp treats the next value as no seed
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
        """The engine's name, as for `--engine`; `endpoint` if the model runs elsewhere."""

    @property
    def window(self) -> int:
        """The maximum number of tokens that prompt and answer share."""

    @property
    def chat_template(self) -> str:
        """The chat template from its files, as found and possibly hostile; empty without one."""

    @property
    def spells(self) -> AbstractSet[type]:
        """Which of `Hole` and `Conversation` it accepts; all else reaches it as a Prompt."""

    def stream(self, question: Question, sampling: Sampling) -> Stream:
        """Stream the answer as it is made; closing the stream stops the model within two tokens."""

    def count(self, text: str) -> int:
        """Count the tokens of a text, as user text: control tokens in it are not parsed.

        An endpoint without a tokenizer returns an estimate.
        """

    def has_token(self, text: str) -> bool:
        """Whether a text is exactly one of its control tokens.

        For an endpoint without a tokenizer, the model family in its name decides.
        """

    def close(self) -> None:
        """Free the model's resources."""


@runtime_checkable
class Tokenizing(Protocol):
    """A model that can return the tokens of a text; an endpoint may only be able to count them."""

    def tokenize(self, text: str) -> list[int]:
        """The token ids of a text, as user text: control tokens in it are not parsed."""


SPELLS_NOTHING: AbstractSet[type] = frozenset()


def as_prompt(question: Question) -> Prompt:
    """Return a question that is already a prompt, for an engine that builds none itself.

    Raises TypeError for a Hole or a Conversation: callers check `spells` first.
    """
    if not isinstance(question, Prompt):
        raise TypeError(f"a {type(question).__name__} has to be spelled as a prompt first")
    return question


def check_room(window: int, prompt: int, max_tokens: int) -> None:
    """Raise DataError if a prompt of `prompt` tokens leaves no room for the answer."""
    room = max(window - prompt, 0)
    if room < max_tokens:
        raise DataError(
            f"a prompt of {prompt} tokens leaves room for {room} in the window",
            "shorten it, or lower --max-tokens",
        )
