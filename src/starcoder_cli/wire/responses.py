"""What every answer of the HTTP API is made of, whatever form it goes out in.

An answer goes out whole, or piece by piece as server-sent events; both are made of the same parts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from starcoder_cli.stream import Chunk, FinishReason

MIN_LOGPROB = -9999.0
"""The log-probability that stands for an impossible token: JSON has no infinity."""


@dataclass(frozen=True)
class Usage:
    """Tokens that were read and written, and of those that were read, how many were known already.

    `cached_tokens` is None where an engine does not tell; `truncated` says that not all of a text
    was read, `warnings` what else a client should know. The answer began after `prompt_seconds`,
    and has taken so many `seconds` in all.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int | None = None
    prompt_seconds: float = 0.0
    seconds: float = 0.0
    truncated: bool = False
    warnings: tuple[str, ...] = ()

    def with_chunk(self, chunk: Chunk, seconds: float = 0.0) -> "Usage":
        """With a chunk that came after so many seconds; a prompt counts once for all answers."""
        return replace(
            self,
            prompt_tokens=max(self.prompt_tokens, chunk.prompt_tokens),
            completion_tokens=self.completion_tokens + chunk.tokens,
            cached_tokens=chunk.cached_tokens if self.cached_tokens is None else self.cached_tokens,
            prompt_seconds=self.prompt_seconds if self.completion_tokens else seconds,
            seconds=seconds,
        )

    def notices(self) -> Mapping[str, object]:
        """The warnings as a field of an answer; nothing where there are none."""
        return {"warnings": list(self.warnings)} if self.warnings else {}

    def to_record(self) -> Mapping[str, object]:
        """The usage as a JSON object."""
        fields: dict[str, object] = {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
        }
        if self.cached_tokens is not None:
            fields["prompt_tokens_details"] = {"cached_tokens": self.cached_tokens}
        return fields


@dataclass(frozen=True)
class ResponseInfo:
    """What every part of a response says: its id, the model, when it was created.

    A stream that ends with its usage says in every other part that there is none.
    """

    id: str
    model: str
    created: int
    ends_with_usage: bool = False


class TokenLogprob(NamedTuple):
    """The text of a token, its log-probability, and the likeliest tokens in its place with theirs.

    Where characters have several tokens it is the text of these, and the sum of theirs.
    """

    text: str
    logprob: float
    top_logprobs: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Choice:
    """One of the answers, or a piece of one; `logprobs` are None where they were not asked for.

    A piece stands behind the text `before` it.
    """

    index: int
    text: str = ""
    reason: FinishReason | None = None
    logprobs: tuple[TokenLogprob, ...] | None = None
    before: str = ""
    is_first: bool = False
    reasoning_content: str = ""

    def with_chunk(self, chunk: Chunk) -> "Choice":
        """With a chunk."""
        added = choice_from_chunk(self.index, chunk, self.logprobs is not None)
        return replace(
            self,
            text=self.text + added.text,
            reasoning_content=self.reasoning_content + added.reasoning_content,
            reason=added.reason or self.reason,
            logprobs=None if self.logprobs is None else (*self.logprobs, *(added.logprobs or ())),
        )

    @property
    def finish_reason(self) -> str | None:
        """Why it ends, in OpenAI's words."""
        return "stop" if self.reason == "cancelled" else self.reason


def choice_from_chunk(index: int, chunk: Chunk, logprobs: bool) -> Choice:
    """A chunk as a piece of an answer."""
    top = tuple((text, max(logprob, MIN_LOGPROB)) for text, logprob in chunk.top_logprobs)
    token = TokenLogprob(chunk.text, max(chunk.logprob, MIN_LOGPROB), top)
    token_logprobs = (token,) if chunk.tokens else ()
    return Choice(
        index,
        chunk.text,
        chunk.reason,
        token_logprobs if logprobs else None,
        reasoning_content=chunk.reasoning_content,
    )


def reasoning_fields(choice: Choice) -> Mapping[str, object]:
    """What was thought before an answer, as other servers tell it; nothing where nothing was."""
    return {"reasoning_content": choice.reasoning_content} if choice.reasoning_content else {}


class ResponseStyle(Protocol):
    """How a route writes its responses."""

    @property
    def id_prefix(self) -> str:
        """What the ids of its responses begin with."""

    @property
    def end_event(self) -> bytes:
        """What ends a stream."""

    def full_record(
        self, info: ResponseInfo, choices: Sequence[Choice], usage: Usage
    ) -> Mapping[str, object] | Sequence[Mapping[str, object]]:
        """All of an answer."""

    def chunk_record(
        self, info: ResponseInfo, choice: Choice, usage: Usage
    ) -> Mapping[str, object]:
        """A piece of one."""

    def usage_record(self, info: ResponseInfo, usage: Usage) -> Mapping[str, object]:
        """What comes behind the pieces where the usage was asked for."""
