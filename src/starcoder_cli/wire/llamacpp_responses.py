"""HTTP API responses in llama.cpp's form."""

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
    """llama.cpp's infill and completion responses, whose text is in `content`."""

    id_prefix: str = "cmpl-"
    end_event: bytes = b""

    def full_record(
        self, info: ResponseInfo, choices: Sequence[Choice], usage: Usage
    ) -> Mapping[str, object] | Sequence[Mapping[str, object]]:
        """A whole answer, or a list if several were requested."""
        records = [{**self.chunk_record(info, each, usage), "stop": True} for each in choices]
        return records if len(records) > 1 else records[0]

    def chunk_record(
        self, info: ResponseInfo, choice: Choice, usage: Usage
    ) -> Mapping[str, object]:
        """A piece of an answer; the last one includes the usage."""
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
        """Nothing: the last piece includes the usage."""
        return {}


def timings_record(usage: Usage) -> Mapping[str, object]:
    """Counts and times of tokens read and written, in the form of llama.cpp's server."""
    cached = usage.cached_tokens or 0
    return {
        "cache_n": cached,
        **rate_fields("prompt", usage.prompt_tokens - cached, usage.prompt_seconds),
        **rate_fields("predicted", usage.completion_tokens, usage.seconds - usage.prompt_seconds),
    }


def rate_fields(name: str, tokens: int, seconds: float) -> Mapping[str, object]:
    """The count, time and rate of a number of tokens."""
    return {
        f"{name}_n": tokens,
        f"{name}_ms": round(seconds * 1000, 3),
        f"{name}_per_token_ms": round(seconds * 1000 / tokens, 3) if tokens else 0.0,
        f"{name}_per_second": round(tokens / seconds, 3) if seconds else 0.0,
    }


def select_fields(record: Mapping[str, object], paths: Sequence[str]) -> Mapping[str, object]:
    """Select the fields that a client wants: `a/b` is field b of field a."""
    selected = dict[str, object]()
    for path in paths:
        value: object = record
        for name in path.split("/"):
            value = value.get(name) if isinstance(value, Mapping) else None
        if value is not None:
            selected[path] = value
    return selected


def props_record(name: str, window: int, slot_count: int) -> Mapping[str, object]:
    """The server's properties: its model, the window and the number of slots."""
    return {
        "default_generation_settings": {"n_ctx": window},
        "total_slots": slot_count,
        "model_alias": name,
        "model_path": name,
        "modalities": {"vision": False, "audio": False},
    }


def slot_record(number: int, window: int, is_processing: bool) -> Mapping[str, object]:
    """Describe a slot."""
    return {"id": number, "n_ctx": window, "is_processing": is_processing}
