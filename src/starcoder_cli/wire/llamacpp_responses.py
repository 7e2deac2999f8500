"""What the HTTP API answers in llama.cpp's form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starcoder_cli.stream import FinishReason
from starcoder_cli.wire.responses import Choice, ResponseInfo, Usage

LLAMACPP_STOP_TYPES: Mapping[FinishReason, str] = {
    "stop": "eos",
    "length": "limit",
    "cancelled": "none",
}


@dataclass(frozen=True)
class InfillStyle:
    """llama.cpp's infill and completion, whose answer is `content`."""

    id_prefix: str = "cmpl-"
    end_event: bytes = b""

    def full_record(
        self, info: ResponseInfo, choices: Sequence[Choice], usage: Usage
    ) -> Mapping[str, object] | Sequence[Mapping[str, object]]:
        """All of an answer; a list where several were asked for."""
        records = [{**self.chunk_record(info, each, usage), "stop": True} for each in choices]
        return records if len(records) > 1 else records[0]

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
                "timings": timings_record(usage),
                **usage.notices(),
            }
        return fields

    def usage_record(self, info: ResponseInfo, usage: Usage) -> Mapping[str, object]:
        """Nothing: the last piece has told it."""
        return {}


def timings_record(usage: Usage) -> Mapping[str, object]:
    """How many tokens were read and written, and in what time, as llama.cpp's server tells it."""
    cached = usage.cached_tokens or 0
    return {
        "cache_n": cached,
        **rate_fields("prompt", usage.prompt_tokens - cached, usage.prompt_seconds),
        **rate_fields("predicted", usage.completion_tokens, usage.seconds - usage.prompt_seconds),
    }


def rate_fields(name: str, tokens: int, seconds: float) -> Mapping[str, object]:
    """The number, the time and the pace of some tokens."""
    return {
        f"{name}_n": tokens,
        f"{name}_ms": round(seconds * 1000, 3),
        f"{name}_per_token_ms": round(seconds * 1000 / tokens, 3) if tokens else 0.0,
        f"{name}_per_second": round(tokens / seconds, 3) if seconds else 0.0,
    }


def select_fields(record: Mapping[str, object], paths: Sequence[str]) -> Mapping[str, object]:
    """The fields of an answer that a client reads: `a/b` is the field b of the field a."""
    selected = dict[str, object]()
    for path in paths:
        value: object = record
        for name in path.split("/"):
            value = value.get(name) if isinstance(value, Mapping) else None
        if value is not None:
            selected[path] = value
    return selected


def props_record(name: str, window: int, slot_count: int) -> Mapping[str, object]:
    """What a server says of itself: its model, the window, how many answers it makes at a time."""
    return {
        "default_generation_settings": {"n_ctx": window},
        "total_slots": slot_count,
        "model_alias": name,
        "model_path": name,
        "modalities": {"vision": False, "audio": False},
    }


def slot_record(number: int, window: int, is_processing: bool) -> Mapping[str, object]:
    """One of the answers that can be made at a time."""
    return {"id": number, "n_ctx": window, "is_processing": is_processing}
