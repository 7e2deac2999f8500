"""Parse the events that llama.cpp's server streams."""

import json
from collections.abc import Iterator, Mapping, Sequence

from starcoder_cli.errors import ProtocolError
from starcoder_cli.net.http import HttpRequest
from starcoder_cli.net.sse import read_events
from starcoder_cli.stream import Chunk, FinishReason, Stream
from starcoder_cli.wire.openai_events import count_or_zero, logprob_or_zero


def read_completion_events(exchange: HttpRequest) -> Iterator[Mapping[str, object]]:
    """Yield the JSON objects of a stream of server-sent events as they arrive."""
    for field, data in read_events(exchange.pieces()):
        if field == "error" or b'"error"' in data[:10]:
            raise ProtocolError(*parse_refusal(data))
        yield json.loads(data)


def parse_chunks(events: Iterator[Mapping[str, object]], end_ids: set[int]) -> Stream:
    """Turn llama.cpp's events into chunks, up to the first token that ends an answer."""
    token_count, cached_tokens = 0, None
    for event in events:
        progress = event.get("prompt_progress")
        cached_tokens = (
            get_count(progress, "cache") if isinstance(progress, Mapping) else cached_tokens
        )
        ids = event.get("tokens")
        total = get_count(event, "tokens_predicted")
        new_tokens, token_count = max(total - token_count, 0), max(total, token_count)
        prompt_tokens = get_count(event, "tokens_evaluated")
        logprob = event_logprob(event)
        if isinstance(ids, Sequence) and end_ids.intersection(ids):
            yield Chunk("", new_tokens, "stop", prompt_tokens, logprob, cached_tokens=cached_tokens)
            return
        end_reason: FinishReason = "length" if event.get("stop_type") == "limit" else "stop"
        reason = end_reason if event.get("stop") else None
        text = str(event.get("content", ""))
        yield Chunk(
            text,
            new_tokens,
            reason,
            prompt_tokens,
            logprob,
            cached_tokens=cached_tokens,
            top_logprobs=likeliest_tokens(event),
        )


def get_count(event: Mapping[str, object], name: str) -> int:
    """A count in an event, or 0 if it is missing."""
    value = event.get(name)
    return count_or_zero(value)


def event_logprob(event: Mapping[str, object]) -> float:
    """The sum of the log-probabilities of the tokens in an event, or 0 if it has none."""
    rows = event.get("completion_probabilities")
    logprobs = [row.get("logprob") for row in rows] if isinstance(rows, list) else []
    return sum(map(logprob_or_zero, logprobs))


def likeliest_tokens(event: Mapping[str, object]) -> tuple[tuple[str, float], ...]:
    """The likeliest alternatives to an event's last token, with their log-probabilities."""
    rows = event.get("completion_probabilities")
    top = rows[-1].get("top_logprobs") if isinstance(rows, list) and rows else None
    return tuple((row["token"], row["logprob"]) for row in top or ())


def parse_refusal(body: bytes) -> tuple[str, str]:
    """llama.cpp's reason for refusing a request, and what to do about it."""
    try:
        message = json.loads(body)["message" if b'"error"' not in body else "error"]
        message = message["message"] if isinstance(message, dict) else message
    except (ValueError, KeyError, TypeError):
        message = body.decode("utf-8", "replace")
    return f"llama.cpp refused the request: {message}", "try a shorter text or another model"
