"""Parse an event of an OpenAI-compatible server, or a whole answer: both have the same parts.

Servers take liberties with OpenAI's form, so much is accepted beyond it: parts of text instead of
text, a `message` in a stream, the same text in two fields, null, other words for why answers end.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from starcoder_cli.errors import DataError, ProtocolError, UnavailableError
from starcoder_cli.stream import Chunk, FinishReason, Stream, closing_source

REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking")
"""Used by DeepSeek and llama.cpp, OpenRouter and vLLM, and in parts of Mistral's content."""

NO_REASONS = ("", "null", "none", "not_finished", "finish_reason_unspecified")
STOP_REASONS = frozenset(
    (
        *("stop", "stopped", "stop_sequence", "stop_string", "stop_token", "stop_word"),
        *("eos", "eos_token", "endoftext", "end_turn", "end", "normal"),
        *("complete", "completed", "done", "finish", "finished"),
        *("tool_calls", "tool_call", "tool_use", "function_call"),
    )
)
"""Words for a complete answer; any other reason means that it was cut off."""

FILTER_REASONS = frozenset(
    (
        *("content_filter", "content_filtered", "guardrail_intervened", "sensitive", "refusal"),
        *("safety", "recitation", "prohibited_content", "blocklist", "spii", "error_toxic"),
    )
)

PIECES_PER_TOKEN, MORE_PIECES = 16, 1000
CHARACTERS_PER_TOKEN, MORE_CHARACTERS = 64, 4096
"""Longer answers are cut off, as a server may ignore `max_tokens`: this much per token, plus a
margin. Some send single characters, some a line of spaces.
"""

MAX_COUNT = 2**53
"""The largest accepted count: JSON's integers are only exact up to here (RFC 8259)."""

MIN_LOGPROB = -1000.0
MAX_SILENT_EVENTS = 100_000
"""Maximum events without text, which some servers send while they read a prompt."""


@dataclass(frozen=True)
class StreamEvent:
    """The text and reasoning of an event, and why the answer ends with it, if it does.

    `logprob` is the log-probability of the text, `prompt_tokens` and `completion_tokens` are the
    counts so far; all are 0 if the event does not say. `has_reasons` means that the event has a
    field for the reason: this server says why answers end.
    """

    text: str = ""
    reasoning_content: str = ""
    reason: FinishReason | None = None
    logprob: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    has_reasons: bool = False


def parse_stream_event(record: Mapping[str, Any]) -> StreamEvent:
    """Parse an event; raises ProtocolError if its text cannot be found.

    Raises DataError if a filter ended the answer, UnavailableError if the server failed.
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
    choice = find_first_choice(choices) if choices else None
    if choice is None:
        return StreamEvent("", "", None, 0.0, read, written)
    delta = choice.get("delta")
    said = as_record(delta if delta is not None else choice.get("message"))
    content = said.get("content")
    return StreamEvent(
        join_text(content) or join_text(choice.get("text")),
        join_text(first_value(said, REASONING_FIELDS)) or join_text(content, REASONING_FIELDS),
        parse_finish_reason(choice.get("finish_reason")),
        sum_logprobs(as_record(choice.get("logprobs"))),
        read,
        written,
        has_reasons="finish_reason" in choice,
    )


def limit_events(events: Iterable[StreamEvent], max_tokens: int) -> Iterator[StreamEvent]:
    """Cut off an answer that is far longer than requested.

    Raises UnavailableError if too many events have no text.
    """
    max_pieces = PIECES_PER_TOKEN * max_tokens + MORE_PIECES
    max_characters = CHARACTERS_PER_TOKEN * max_tokens + MORE_CHARACTERS
    pieces = characters = silent = 0
    for event in events:
        left = max_characters - characters
        length = len(event.text) + len(event.reasoning_content)
        if length > left:
            reasoning = event.reasoning_content[:left]
            text = event.text[: left - len(reasoning)]
            yield replace(event, text=text, reasoning_content=reasoning, reason="length")
            return
        yield event
        pieces += length > 0
        silent += not length
        characters += length
        if pieces > max_pieces:
            yield StreamEvent(reason="length")
            return
        if silent > MAX_SILENT_EVENTS:
            raise UnavailableError(
                f"the endpoint sends nothing: {silent:,} events had no text", "try again"
            )


def find_first_choice(choices: object) -> Mapping[str, Any] | None:
    """The choice in an event that belongs to the first answer, or None."""
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        raise ProtocolError(
            "this answer has another form than OpenAI's",
            "does the address of the endpoint end where its /v1 begins?",
        )
    return next((choice for choice in choices if not count_or_zero(choice.get("index"))), None)


def join_text(content: object, fields: tuple[str, ...] = ("text",)) -> str:
    """Join a text, or the given fields of a message's text parts, into one string."""
    if isinstance(content, str):
        return content if "text" in fields else ""
    if not isinstance(content, list):
        return ""
    parts = (part for part in content if isinstance(part, dict))
    return "".join(join_text(first_value(part, fields)) for part in parts)


def first_value(record: Mapping[str, Any], names: Iterable[str]) -> object:
    """The first non-empty value among some fields: the same may be in several."""
    return next((record[name] for name in names if record.get(name)), None)


def parse_finish_reason(value: object) -> FinishReason | None:
    """Why an answer ends, or None if it goes on; raises the error if it ends with one.

    Servers have many words for an answer that was cut off, so any unknown word counts as one.
    """
    reason = value.strip().lower() if isinstance(value, str) else ""
    if reason in NO_REASONS:
        return None
    if reason in FILTER_REASONS:
        raise DataError("the endpoint's filter ended the answer", "ask for something else")
    if reason == "error":
        raise UnavailableError("the endpoint failed in the middle of an answer", "try again")
    return "stop" if reason in STOP_REASONS else "length"


def sum_logprobs(record: Mapping[str, Any]) -> float:
    """The sum of the log-probabilities in any known form, or 0 without any."""
    values = record.get("token_logprobs")
    if not isinstance(values, list):
        rows = record.get("content") if isinstance(record.get("content"), list) else None
        rows = rows or record.get("completion_probabilities")
        values = [as_record(row).get("logprob") for row in rows] if isinstance(rows, list) else []
    return sum(map(logprob_or_zero, values))


def logprob_or_zero(value: object) -> float:
    """A log-probability from a server, at least -1000; 0 if it is not valid.

    JSON's numbers may be of any length, and Python reads Infinity and NaN as well.
    """
    if not isinstance(value, int | float) or value != value:
        return 0.0
    return float(min(max(value, MIN_LOGPROB), 0))


def as_record(value: object) -> Mapping[str, Any]:
    """A JSON object, or an empty one instead of anything else."""
    return value if isinstance(value, dict) else {}


def count_or_zero(value: object) -> int:
    """A count from a server, or 0 if it is not valid."""
    return value if type(value) is int and 0 < value <= MAX_COUNT else 0


def join_surrogates(chunks: Iterable[Chunk]) -> Stream:
    """Join the surrogate halves of characters that were split between two events.

    A half without the other is replaced with U+FFFD.
    """
    pending = ""
    with closing_source(chunks) as source:
        for chunk in source:
            text = pending + chunk.text
            pending = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" and not chunk.reason else ""
            units = text.removesuffix(pending).encode("utf-16-le", "surrogatepass")
            yield replace(chunk, text=units.decode("utf-16-le", "replace"))
