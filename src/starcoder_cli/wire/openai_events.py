"""What an event of an OpenAI-compatible server says, and a whole answer: both have the same parts.

Servers take liberties with OpenAI's form, so much is read that it does not know: parts of text in
place of text, a `message` in a stream, other words for why an answer ends, fields that are null.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from starcoder_cli.errors import DataError, ProtocolError, UnavailableError
from starcoder_cli.stream import Chunk, FinishReason, Stream, closing_source

REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking")
"""DeepSeek's and llama.cpp's, OpenRouter's and vLLM's, and that of a part of Mistral's content."""

LENGTH_REASONS = ("length", "limit", "max_tokens", "max_output_tokens", "model_length")
NO_REASONS = ("", "null", "none")


@dataclass(frozen=True)
class StreamEvent:
    """The text of an event and what of it is reasoning, why the answer ends with it if so.

    `logprob` is the log-probability of the text, `prompt_tokens` and `completion_tokens` are the
    counts so far; all 0 where the event does not say. `has_reasons` says that the server tells why
    answers end: the event has a place for it.
    """

    text: str = ""
    reasoning_content: str = ""
    reason: FinishReason | None = None
    logprob: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    has_reasons: bool = False


def parse_stream_event(record: Mapping[str, Any]) -> StreamEvent:
    """What an event says; ProtocolError where its text could not be found.

    Raises DataError where a filter ended the answer, UnavailableError where the server failed.
    """
    usage = as_record(record.get("usage"))
    read = count_or_zero(usage.get("prompt_tokens"))
    written = count_or_zero(usage.get("completion_tokens"))
    choices = record.get("choices")
    if choices is None and "content" in record:  # llama.cpp's own form
        limited = record.get("stop_type") == "limit" or record.get("stopped_limit") is True
        reason: FinishReason = "length" if limited else "stop"
        text = join_text(record["content"])
        ended = reason if record.get("stop") is True else None
        return StreamEvent(text, "", ended, sum_logprobs(record), read, written)
    if not choices:
        return StreamEvent("", "", None, 0.0, read, written)
    if not isinstance(choices, list) or not isinstance(choices[0], dict):
        raise ProtocolError(
            "this answer has another form than OpenAI's",
            "does the address of the endpoint end where its /v1 begins?",
        )
    choice = choices[0]
    delta = choice.get("delta")
    said = as_record(delta if delta is not None else choice.get("message"))
    content = said.get("content")
    reasoning = next((said[name] for name in REASONING_FIELDS if said.get(name)), None)
    return StreamEvent(
        join_text(choice.get("text")) + join_text(content),
        join_text(reasoning) or join_text(content, REASONING_FIELDS),
        parse_finish_reason(choice.get("finish_reason")),
        sum_logprobs(as_record(choice.get("logprobs"))),
        read,
        written,
        has_reasons="finish_reason" in choice,
    )


def join_text(content: object, fields: tuple[str, ...] = ("text",)) -> str:
    """A text, or the texts of some parts of a message, in such fields of them, as one."""
    if isinstance(content, str):
        return content if "text" in fields else ""
    if not isinstance(content, list):
        return ""
    texts = [
        join_text(part[name])
        for part in content
        if isinstance(part, dict)
        for name in fields
        if part.get(name)
    ]
    return "".join(texts)


def parse_finish_reason(value: object) -> FinishReason | None:
    """Why an answer ends, None where it goes on; raises the error that it ends with instead."""
    reason = value.lower() if isinstance(value, str) else ""
    if reason in NO_REASONS:
        return None
    if reason == "content_filter":
        raise DataError("the endpoint's filter ended the answer", "ask for something else")
    if reason == "error":
        raise UnavailableError("the endpoint failed in the middle of an answer", "try again")
    return "length" if reason in LENGTH_REASONS else "stop"


def sum_logprobs(record: Mapping[str, Any]) -> float:
    """The sum of the log-probabilities in one of the forms that servers have, 0 without any."""
    values = record.get("token_logprobs")
    if not isinstance(values, list):
        rows = record.get("content") if isinstance(record.get("content"), list) else None
        rows = rows or record.get("completion_probabilities")
        values = [as_record(row).get("logprob") for row in rows] if isinstance(rows, list) else []
    return float(sum(value for value in values if isinstance(value, int | float)))


def as_record(value: object) -> Mapping[str, Any]:
    """A JSON object; an empty one in place of anything else."""
    return value if isinstance(value, dict) else {}


def count_or_zero(value: object) -> int:
    """A count that a server states, 0 where it states none."""
    return value if type(value) is int and value > 0 else 0


def join_surrogates(chunks: Iterable[Chunk]) -> Stream:
    """Text whose characters are whole: the halves of one may come in two events.

    A half without the other is no character; U+FFFD stands in its place.
    """
    pending = ""
    with closing_source(chunks) as source:
        for chunk in source:
            text = pending + chunk.text
            pending = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" and not chunk.reason else ""
            units = text.removesuffix(pending).encode("utf-16-le", "surrogatepass")
            yield replace(chunk, text=units.decode("utf-16-le", "replace"))
