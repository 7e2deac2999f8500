"""HTTP API responses in the forms of OpenAI's completions and chat."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from starcoder_cli.wire.local_protocol import DONE_EVENT
from starcoder_cli.wire.responses import Choice, ResponseInfo, Usage, reasoning_fields


@dataclass(frozen=True)
class CompletionStyle:
    """OpenAI's completion responses."""

    id_prefix: str = "cmpl-"
    end_event: bytes = DONE_EVENT
    object_type: str = "text_completion"
    chunk_object_type: str = "text_completion"

    def full_record(
        self, info: ResponseInfo, choices: Sequence[Choice], usage: Usage
    ) -> Mapping[str, object]:
        """A whole answer."""
        choice_records = [self.choice_record(choice) for choice in choices]
        answer = {
            **self.head_fields(info),
            "object": self.object_type,
            "choices": choice_records,
            "usage": usage.to_record(),
        }
        return {**answer, **usage.notices()}

    def chunk_record(
        self, info: ResponseInfo, choice: Choice, usage: Usage
    ) -> Mapping[str, object]:
        """A piece of an answer."""
        part = {
            **self.head_fields(info),
            "object": self.chunk_object_type,
            "choices": [self.chunk_choice_record(choice)],
            **({"usage": None} if info.ends_with_usage else {}),
        }
        return {**part, **usage.notices()} if choice.reason else part

    def usage_record(self, info: ResponseInfo, usage: Usage) -> Mapping[str, object]:
        """The usage, without any choice."""
        usage_record = usage.to_record()
        return {
            **self.head_fields(info),
            "object": self.chunk_object_type,
            "choices": [],
            "usage": usage_record,
        }

    def head_fields(self, info: ResponseInfo) -> Mapping[str, object]:
        """The fields common to all parts."""
        return {"id": info.id, "model": info.model, "created": info.created}

    def choice_record(self, choice: Choice) -> Mapping[str, object]:
        """The choice for an answer, or for a piece of one."""
        logprobs: Mapping[str, object] | None = None
        if choice.logprobs is not None:
            texts = [token.text for token in choice.logprobs]
            begin = len(choice.before + choice.text) - sum(map(len, texts))
            offsets = accumulate(map(len, texts[:-1]), initial=begin) if texts else ()
            logprobs = {
                "tokens": texts,
                "token_logprobs": [token.logprob for token in choice.logprobs],
                "top_logprobs": [
                    {**dict(token.top_logprobs), token.text: token.logprob}
                    for token in choice.logprobs
                ],
                "text_offset": list(offsets),
            }
        return {
            "index": choice.index,
            "text": choice.text,
            "logprobs": logprobs,
            "finish_reason": choice.finish_reason,
        }

    def chunk_choice_record(self, choice: Choice) -> Mapping[str, object]:
        """The choice for a piece, which has the form of an answer."""
        return self.choice_record(choice)


@dataclass(frozen=True)
class ChatStyle(CompletionStyle):
    """OpenAI's chat responses, also used for Mistral's fill-in-the-middle."""

    id_prefix: str = "chatcmpl-"
    object_type: str = "chat.completion"
    chunk_object_type: str = "chat.completion.chunk"

    def choice_record(self, choice: Choice) -> Mapping[str, object]:
        """The choice for an answer."""
        message = {"role": "assistant", "content": choice.text, "refusal": None}
        return {**self.choice_fields(choice), "message": {**message, **reasoning_fields(choice)}}

    def chunk_choice_record(self, choice: Choice) -> Mapping[str, object]:
        """The choice for a piece of an answer; the first has the role."""
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
                        **token_record(token.text, token.logprob),
                        "top_logprobs": [token_record(*each) for each in token.top_logprobs],
                    }
                    for token in choice.logprobs
                ],
                "refusal": None,
            }
        return {"index": choice.index, "logprobs": logprobs, "finish_reason": choice.finish_reason}


def token_record(text: str, logprob: float) -> Mapping[str, object]:
    """A token of a chat as a JSON object."""
    return {"token": text, "logprob": logprob, "bytes": list(text.encode())}


def model_record(name: str, created: int, window: int) -> Mapping[str, object]:
    """A model as a JSON object; vLLM and llama.cpp have names of their own for its window."""
    return {
        "id": name,
        "object": "model",
        "created": created,
        "owned_by": "starcoder",
        "max_model_len": window,
        "meta": {"n_ctx": window},
    }


def model_list_record(models: Mapping[str, int], created: int) -> Mapping[str, object]:
    """The list of models, each with its window, as a JSON object."""
    records = [model_record(name, created, window) for name, window in models.items()]
    return {"object": "list", "data": records}
