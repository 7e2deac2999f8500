"""What the HTTP API answers: the forms of OpenAI's completions and chat, and of llama.cpp's infill.

An answer goes out whole, or piece by piece as server-sent events; both are made of the same parts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from starcoder_cli.stream import Chunk, Reason
from starcoder_cli.wire.local_protocol import DONE

ENDS: Mapping[Reason, str] = {"stop": "eos", "length": "limit", "cancelled": "none"}

LEAST = -9999.0
"""The log-probability that stands for an impossible token: JSON has no infinity."""


@dataclass(frozen=True)
class Usage:
    """Tokens that were read and written, and of those that were read, how many were known already.

    `cached` is None where an engine does not tell; `cut` says that not all of a text was read.
    """

    prompt: int = 0
    completion: int = 0
    cached: int | None = None
    cut: bool = False

    def more(self, chunk: Chunk) -> "Usage":
        """With a chunk; a prompt counts once, however many answers it has."""
        return replace(
            self,
            prompt=max(self.prompt, chunk.prompt_tokens),
            completion=self.completion + chunk.tokens,
            cached=chunk.cached_tokens if self.cached is None else self.cached,
        )

    def record(self) -> Mapping[str, object]:
        """The usage as a JSON object."""
        told: dict[str, object] = {
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion,
        }
        if self.cached is not None:
            told["prompt_tokens_details"] = {"cached_tokens": self.cached}
        return told


@dataclass(frozen=True)
class Head:
    """What every part of an answer says: its id, the model, when it was begun."""

    id: str
    model: str
    created: int


@dataclass(frozen=True)
class Choice:
    """One of the answers, or a piece of one; `logprobs` are None where they were not asked for.

    A piece of text may have several tokens: its log-probability is then the sum of theirs.
    """

    index: int
    text: str = ""
    reason: Reason | None = None
    logprobs: tuple[tuple[str, float], ...] | None = None
    first: bool = False

    def more(self, chunk: Chunk) -> "Choice":
        """With a chunk."""
        one = piece(self.index, chunk, self.logprobs is not None)
        return replace(
            self,
            text=self.text + one.text,
            reason=one.reason or self.reason,
            logprobs=None if self.logprobs is None else (*self.logprobs, *(one.logprobs or ())),
        )

    @property
    def finish(self) -> str | None:
        """Why it ends, in OpenAI's words."""
        return "stop" if self.reason == "cancelled" else self.reason


def piece(index: int, chunk: Chunk, logprobs: bool, first: bool = False) -> Choice:
    """A chunk as a piece of an answer."""
    told = ((chunk.text, max(chunk.logprob, LEAST)),) if chunk.tokens else ()
    return Choice(index, chunk.text, chunk.reason, told if logprobs else None, first)


class Style(Protocol):
    """How a route spells its answers."""

    @property
    def done(self) -> bytes:
        """What ends a stream."""

    def whole(self, head: Head, choices: Sequence[Choice], usage: Usage) -> Mapping[str, object]:
        """All of an answer."""

    def part(self, head: Head, choice: Choice, usage: Usage) -> Mapping[str, object]:
        """A piece of one."""

    def last(self, head: Head, usage: Usage) -> Mapping[str, object]:
        """What comes behind the pieces where the usage was asked for."""


@dataclass(frozen=True)
class CompletionStyle:
    """OpenAI's completions."""

    done: bytes = DONE
    kind: str = "text_completion"
    kind_of_parts: str = "text_completion"

    def whole(self, head: Head, choices: Sequence[Choice], usage: Usage) -> Mapping[str, object]:
        """All of an answer."""
        told = [self.choice(choice) for choice in choices]
        return {**vars(head), "object": self.kind, "choices": told, "usage": usage.record()}

    def part(self, head: Head, choice: Choice, usage: Usage) -> Mapping[str, object]:
        """A piece of one."""
        return {**vars(head), "object": self.kind_of_parts, "choices": [self.piece(choice)]}

    def last(self, head: Head, usage: Usage) -> Mapping[str, object]:
        """The usage, without a choice."""
        told = usage.record()
        return {**vars(head), "object": self.kind_of_parts, "choices": [], "usage": told}

    def choice(self, choice: Choice) -> Mapping[str, object]:
        """An answer, or a piece of one."""
        told: Mapping[str, object] | None = None
        if choice.logprobs is not None:
            told = {
                "tokens": [text for text, _ in choice.logprobs],
                "token_logprobs": [number for _, number in choice.logprobs],
                "top_logprobs": None,
                "text_offset": None,
            }
        return {
            "index": choice.index,
            "text": choice.text,
            "logprobs": told,
            "finish_reason": choice.finish,
        }

    def piece(self, choice: Choice) -> Mapping[str, object]:
        """A piece has the form of an answer."""
        return self.choice(choice)


@dataclass(frozen=True)
class ChatStyle(CompletionStyle):
    """OpenAI's chat."""

    kind: str = "chat.completion"
    kind_of_parts: str = "chat.completion.chunk"

    def choice(self, choice: Choice) -> Mapping[str, object]:
        """An answer."""
        message = {"role": "assistant", "content": choice.text, "refusal": None}
        return {**self.around(choice), "message": message}

    def piece(self, choice: Choice) -> Mapping[str, object]:
        """A piece of one; the first says who speaks."""
        role = {"role": "assistant"} if choice.first else {}
        text = {"content": choice.text} if choice.text or choice.first else {}
        return {**self.around(choice), "delta": {**role, **text}}

    def around(self, choice: Choice) -> Mapping[str, object]:
        """What is told of an answer besides its text."""
        told: Mapping[str, object] | None = None
        if choice.logprobs is not None:
            told = {
                "content": [
                    {
                        "token": text,
                        "logprob": number,
                        "bytes": list(text.encode()),
                        "top_logprobs": [],
                    }
                    for text, number in choice.logprobs
                ],
                "refusal": None,
            }
        return {"index": choice.index, "logprobs": told, "finish_reason": choice.finish}


@dataclass(frozen=True)
class InfillStyle:
    """llama.cpp's infill, whose only answer is `content`."""

    done: bytes = b""

    def whole(self, head: Head, choices: Sequence[Choice], usage: Usage) -> Mapping[str, object]:
        """All of an answer."""
        return {**self.part(head, choices[0], usage), "stop": True}

    def part(self, head: Head, choice: Choice, usage: Usage) -> Mapping[str, object]:
        """A piece of one; the last says what it cost."""
        told: dict[str, object] = {
            "index": choice.index,
            "content": choice.text,
            "stop": choice.reason is not None,
            "tokens_predicted": usage.completion,
            "tokens_evaluated": usage.prompt,
        }
        if choice.reason:
            told |= {
                "model": head.model,
                "stop_type": ENDS[choice.reason],
                "truncated": usage.cut,
                "tokens_cached": usage.prompt + usage.completion,
            }
        return told

    def last(self, head: Head, usage: Usage) -> Mapping[str, object]:
        """Nothing: the last piece has told it."""
        return {}


def model_record(name: str, created: int) -> Mapping[str, object]:
    """A model that there is."""
    return {"id": name, "object": "model", "created": created, "owned_by": "starcoder"}


def models_record(names: Sequence[str], created: int) -> Mapping[str, object]:
    """All of them."""
    return {"object": "list", "data": [model_record(name, created) for name in names]}
