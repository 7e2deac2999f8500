"""What the HTTP API answers: the forms of OpenAI's completions and chat, and of llama.cpp's infill.

An answer goes out whole, or piece by piece as server-sent events; both are made of the same parts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from starcoder_cli.stream import Chunk, FinishReason
from starcoder_cli.wire.local_protocol import DONE_EVENT

LLAMACPP_STOP_TYPES: Mapping[FinishReason, str] = {
    "stop": "eos",
    "length": "limit",
    "cancelled": "none",
}

MIN_LOGPROB = -9999.0
"""The log-probability that stands for an impossible token: JSON has no infinity."""


@dataclass(frozen=True)
class Usage:
    """Tokens that were read and written, and of those that were read, how many were known already.

    `cached_tokens` is None where an engine does not tell; `truncated` says that not all of a text
    was read, `warnings` what else a client should know.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int | None = None
    truncated: bool = False
    warnings: tuple[str, ...] = ()

    def with_chunk(self, chunk: Chunk) -> "Usage":
        """With a chunk; a prompt counts once, however many answers it has."""
        return replace(
            self,
            prompt_tokens=max(self.prompt_tokens, chunk.prompt_tokens),
            completion_tokens=self.completion_tokens + chunk.tokens,
            cached_tokens=chunk.cached_tokens if self.cached_tokens is None else self.cached_tokens,
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
    """What every part of a response says: its id, the model, when it was created."""

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
    reason: FinishReason | None = None
    logprobs: tuple[tuple[str, float], ...] | None = None
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


def choice_from_chunk(index: int, chunk: Chunk, logprobs: bool, is_first: bool = False) -> Choice:
    """A chunk as a piece of an answer."""
    token_logprobs = ((chunk.text, max(chunk.logprob, MIN_LOGPROB)),) if chunk.tokens else ()
    return Choice(
        index,
        chunk.text,
        chunk.reason,
        token_logprobs if logprobs else None,
        is_first,
        chunk.reasoning_content,
    )


def reasoning_fields(choice: Choice) -> Mapping[str, object]:
    """What was thought before an answer, as other servers tell it; nothing where nothing was."""
    return {"reasoning_content": choice.reasoning_content} if choice.reasoning_content else {}


class ResponseStyle(Protocol):
    """How a route writes its responses."""

    @property
    def end_event(self) -> bytes:
        """What ends a stream."""

    def full_record(
        self, info: ResponseInfo, choices: Sequence[Choice], usage: Usage
    ) -> Mapping[str, object]:
        """All of an answer."""

    def chunk_record(
        self, info: ResponseInfo, choice: Choice, usage: Usage
    ) -> Mapping[str, object]:
        """A piece of one."""

    def usage_record(self, info: ResponseInfo, usage: Usage) -> Mapping[str, object]:
        """What comes behind the pieces where the usage was asked for."""


@dataclass(frozen=True)
class CompletionStyle:
    """OpenAI's completions."""

    end_event: bytes = DONE_EVENT
    object_type: str = "text_completion"
    chunk_object_type: str = "text_completion"

    def full_record(
        self, info: ResponseInfo, choices: Sequence[Choice], usage: Usage
    ) -> Mapping[str, object]:
        """All of an answer."""
        choice_records = [self.choice_record(choice) for choice in choices]
        answer = {
            **vars(info),
            "object": self.object_type,
            "choices": choice_records,
            "usage": usage.to_record(),
        }
        return {**answer, **usage.notices()}

    def chunk_record(
        self, info: ResponseInfo, choice: Choice, usage: Usage
    ) -> Mapping[str, object]:
        """A piece of one."""
        part = {
            **vars(info),
            "object": self.chunk_object_type,
            "choices": [self.chunk_choice_record(choice)],
        }
        return {**part, **usage.notices()} if choice.reason else part

    def usage_record(self, info: ResponseInfo, usage: Usage) -> Mapping[str, object]:
        """The usage, without a choice."""
        usage_record = usage.to_record()
        return {
            **vars(info),
            "object": self.chunk_object_type,
            "choices": [],
            "usage": usage_record,
        }

    def choice_record(self, choice: Choice) -> Mapping[str, object]:
        """An answer, or a piece of one."""
        logprobs: Mapping[str, object] | None = None
        if choice.logprobs is not None:
            logprobs = {
                "tokens": [text for text, _ in choice.logprobs],
                "token_logprobs": [logprob for _, logprob in choice.logprobs],
                "top_logprobs": None,
                "text_offset": None,
            }
        return {
            "index": choice.index,
            "text": choice.text,
            "logprobs": logprobs,
            "finish_reason": choice.finish_reason,
        }

    def chunk_choice_record(self, choice: Choice) -> Mapping[str, object]:
        """A piece has the form of an answer."""
        return self.choice_record(choice)


@dataclass(frozen=True)
class ChatStyle(CompletionStyle):
    """OpenAI's chat."""

    object_type: str = "chat.completion"
    chunk_object_type: str = "chat.completion.chunk"

    def choice_record(self, choice: Choice) -> Mapping[str, object]:
        """An answer."""
        message = {"role": "assistant", "content": choice.text, "refusal": None}
        return {**self.choice_fields(choice), "message": {**message, **reasoning_fields(choice)}}

    def chunk_choice_record(self, choice: Choice) -> Mapping[str, object]:
        """A piece of one; the first says who speaks."""
        role = {"role": "assistant"} if choice.is_first else {}
        text = {"content": choice.text} if choice.text or choice.is_first else {}
        delta = {**role, **reasoning_fields(choice), **text}
        return {**self.choice_fields(choice), "delta": delta}

    def choice_fields(self, choice: Choice) -> Mapping[str, object]:
        """The fields of a choice besides its text."""
        logprobs: Mapping[str, object] | None = None
        if choice.logprobs is not None:
            logprobs = {
                "content": [
                    {
                        "token": text,
                        "logprob": logprob,
                        "bytes": list(text.encode()),
                        "top_logprobs": [],
                    }
                    for text, logprob in choice.logprobs
                ],
                "refusal": None,
            }
        return {"index": choice.index, "logprobs": logprobs, "finish_reason": choice.finish_reason}


@dataclass(frozen=True)
class InfillStyle:
    """llama.cpp's infill, whose only answer is `content`."""

    end_event: bytes = b""

    def full_record(
        self, info: ResponseInfo, choices: Sequence[Choice], usage: Usage
    ) -> Mapping[str, object]:
        """All of an answer."""
        return {**self.chunk_record(info, choices[0], usage), "stop": True}

    def chunk_record(
        self, info: ResponseInfo, choice: Choice, usage: Usage
    ) -> Mapping[str, object]:
        """A piece of one; the last says what it cost."""
        fields: dict[str, object] = {
            "index": choice.index,
            "content": choice.text,
            "stop": choice.reason is not None,
            "tokens_predicted": usage.completion_tokens,
            "tokens_evaluated": usage.prompt_tokens,
        }
        if choice.reason:
            fields |= {
                "model": info.model,
                "stop_type": LLAMACPP_STOP_TYPES[choice.reason],
                "truncated": usage.truncated,
                "tokens_cached": usage.prompt_tokens + usage.completion_tokens,
                **usage.notices(),
            }
        return fields

    def usage_record(self, info: ResponseInfo, usage: Usage) -> Mapping[str, object]:
        """Nothing: the last piece has told it."""
        return {}


def model_record(name: str, created: int) -> Mapping[str, object]:
    """A model as a JSON object."""
    return {"id": name, "object": "model", "created": created, "owned_by": "starcoder"}


def model_list_record(names: Sequence[str], created: int) -> Mapping[str, object]:
    """The list of models as a JSON object."""
    return {"object": "list", "data": [model_record(name, created) for name in names]}
