"""What an event of an OpenAI-compatible server says, and a whole answer: both have the same parts.

Servers take liberties with OpenAI's form, so much is read that it does not know: parts of text in
place of text, a `message` in a stream, the same text in two fields, other words for why an answer
ends, fields that are null.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from starcoder_cli.errors import DataError, ProtocolError, UnavailableError
from starcoder_cli.stream import Chunk, FinishReason, Stream, closing_source

REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking")
"""DeepSeek's and llama.cpp's, OpenRouter's and vLLM's, and that of a part of Mistral's content."""

NO_REASONS = ("", "null", "none", "not_finished", "finish_reason_unspecified")
STOP_REASONS = frozenset(
    (
        *("stop", "stopped", "stop_sequence", "stop_string", "stop_token", "stop_word"),
        *("eos", "eos_token", "endoftext", "end_turn", "end", "normal"),
        *("complete", "completed", "done", "finish", "finished"),
        *("tool_calls", "tool_call", "tool_use", "function_call"),
    )
)
"""What servers say where a model has said all: with any other word its answer was cut off."""

FILTER_REASONS = frozenset(
    (
        *("content_filter", "content_filtered", "guardrail_intervened", "sensitive", "refusal"),
        *("safety", "recitation", "prohibited_content", "blocklist", "spii", "error_toxic"),
    )
)

PIECES_PER_TOKEN, MORE_PIECES = 16, 1000
CHARACTERS_PER_TOKEN, MORE_CHARACTERS = 64, 4096
"""An answer of more than so many for each token that was asked for, and so many more, is cut off:
its server does not heed `max_tokens`. Some send single characters, some a line of spaces."""

MAX_COUNT = 2**53
"""No server counts further: JSON's integers are only exact up to here (RFC 8259)."""

MIN_LOGPROB = -1000.0
MAX_SILENT_EVENTS = 100_000
"""Events without text, as some servers send them while they read a prompt."""


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
    """The events up to where an answer is far longer than asked for: it is cut off there.

    Raises UnavailableError where too many of them have no text.
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
    """The part of an event that is of the first of a server's answers, None where none is."""
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        raise ProtocolError(
            "this answer has another form than OpenAI's",
            "does the address of the endpoint end where its /v1 begins?",
        )
    return next((choice for choice in choices if not count_or_zero(choice.get("index"))), None)


def join_text(content: object, fields: tuple[str, ...] = ("text",)) -> str:
    """A text, or the texts of some parts of a message, in such fields of them, as one."""
    if isinstance(content, str):
        return content if "text" in fields else ""
    if not isinstance(content, list):
        return ""
    parts = (part for part in content if isinstance(part, dict))
    return "".join(join_text(first_value(part, fields)) for part in parts)


def first_value(record: Mapping[str, Any], names: Iterable[str]) -> object:
    """The value of the first of some fields that is not empty: the same may be in several."""
    return next((record[name] for name in names if record.get(name)), None)


def parse_finish_reason(value: object) -> FinishReason | None:
    """Why an answer ends, None where it goes on; raises the error that it ends with instead.

    Servers have many words for an answer that broke off, so a word that is not known is one.
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
    """The sum of the log-probabilities in one of the forms that servers have, 0 without any."""
    values = record.get("token_logprobs")
    if not isinstance(values, list):
        rows = record.get("content") if isinstance(record.get("content"), list) else None
        rows = rows or record.get("completion_probabilities")
        values = [as_record(row).get("logprob") for row in rows] if isinstance(rows, list) else []
    return sum(map(logprob_or_zero, values))


def logprob_or_zero(value: object) -> float:
    """A log-probability that a server states, 0 for what is none; the least that is told is -1000.

    JSON's numbers may be of any length, and Python reads Infinity and NaN as well.
    """
    if not isinstance(value, int | float) or value != value:
        return 0.0
    return float(min(max(value, MIN_LOGPROB), 0))


def as_record(value: object) -> Mapping[str, Any]:
    """A JSON object; an empty one in place of anything else."""
    return value if isinstance(value, dict) else {}


def count_or_zero(value: object) -> int:
    """A count that a server states, 0 where it states none."""
    return value if type(value) is int and 0 < value <= MAX_COUNT else 0


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
