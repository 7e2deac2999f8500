"""The parts of every HTTP API response, whatever its format.

An answer is sent whole, or piece by piece as server-sent events; both use the same parts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from starcoder_cli.stream import Chunk, FinishReason

MIN_LOGPROB = -9999.0
"""The log-probability for an impossible token: JSON has no infinity."""


@dataclass(frozen=True)
class Usage:
    """The tokens read and written, and how many of those read were cached.

    `cached_tokens` is None if an engine does not say; `truncated` means that not all of a text was
    read, `warnings` what else a client should know. The answer began after `prompt_seconds` and has
    taken `seconds` in all.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int | None = None
    prompt_seconds: float = 0.0
    seconds: float = 0.0
    truncated: bool = False
    warnings: tuple[str, ...] = ()

    def with_chunk(self, chunk: Chunk, seconds: float = 0.0) -> "Usage":
        """Add a chunk that came after `seconds`; a prompt counts once for all answers."""
        return replace(
            self,
            prompt_tokens=max(self.prompt_tokens, chunk.prompt_tokens),
            completion_tokens=self.completion_tokens + chunk.tokens,
            cached_tokens=chunk.cached_tokens if self.cached_tokens is None else self.cached_tokens,
            prompt_seconds=self.prompt_seconds if self.completion_tokens else seconds,
            seconds=seconds,
        )

    def notices(self) -> Mapping[str, object]:
        """The warnings as a response field; empty if there are none."""
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
    """The fields common to all parts of a response: its id, the model, when it was created.

    If a stream ends with its usage, every other part has a null usage.
    """

    id: str
    model: str
    created: int
    ends_with_usage: bool = False


class TokenLogprob(NamedTuple):
    """A token's text and log-probability, and the likeliest alternatives with theirs.

    If characters take several tokens, it holds their joined text and summed log-probability.
    """

    text: str
    logprob: float
    top_logprobs: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Choice:
    """An answer, or a piece of one; `logprobs` is None unless requested.

    A piece follows the text `before` it.
    """

    index: int
    text: str = ""
    reason: FinishReason | None = None
    logprobs: tuple[TokenLogprob, ...] | None = None
    before: str = ""
    is_first: bool = False
    reasoning_content: str = ""

    def with_chunk(self, chunk: Chunk) -> "Choice":
        """Append a chunk."""
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
        """Why it ends, as an OpenAI finish reason."""
        return "stop" if self.reason == "cancelled" else self.reason


def choice_from_chunk(index: int, chunk: Chunk, logprobs: bool) -> Choice:
    """Turn a chunk into a piece of an answer."""
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
    """The reasoning before an answer, in other servers' form; empty if there is none."""
    return {"reasoning_content": choice.reasoning_content} if choice.reasoning_content else {}


class ResponseStyle(Protocol):
    """How a route formats its responses."""

    @property
    def id_prefix(self) -> str:
        """The prefix of response ids."""

    @property
    def end_event(self) -> bytes:
        """The event that ends a stream."""

    def full_record(
        self, info: ResponseInfo, choices: Sequence[Choice], usage: Usage
    ) -> Mapping[str, object] | Sequence[Mapping[str, object]]:
        """A whole answer."""

    def chunk_record(
        self, info: ResponseInfo, choice: Choice, usage: Usage
    ) -> Mapping[str, object]:
        """A piece of an answer."""

    def usage_record(self, info: ResponseInfo, usage: Usage) -> Mapping[str, object]:
        """The usage that follows the pieces if it was requested."""
