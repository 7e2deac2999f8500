"""The client side of OpenAI-compatible servers: requests out, answers in.

A table describes what each kind of server supports beyond OpenAI's API. A server reveals its kind
in its list of models, as their owner.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from starcoder_cli.errors import ProtocolError, UnavailableError
from starcoder_cli.model import Conversation, Sampling
from starcoder_cli.net.sse import DONE
from starcoder_cli.stream import Chunk, FinishReason, Stream
from starcoder_cli.wire.errors import error_from_event, is_error, parse_endpoint_json
from starcoder_cli.wire.local_protocol import reject_malformed
from starcoder_cli.wire.openai_events import (
    StreamEvent,
    as_record,
    count_or_zero,
    join_surrogates,
    limit_events,
    parse_stream_event,
)

Body: TypeAlias = Mapping[str, object]

MODELS_ROUTE, COMPLETIONS_ROUTE, CHAT_ROUTE = (
    "/v1/models",
    "/v1/completions",
    "/v1/chat/completions",
)
TOKENIZE_ROUTE, INFILL_ROUTE, PROPERTIES_ROUTE = "/tokenize", "/infill", "/props"
MAX_OPENAI_STOPS = 4  # the limit of OpenAI's API
SAMPLING_FIELDS = frozenset(("seed", "temperature", "top_p"))
OPTIONAL_FIELDS = SAMPLING_FIELDS | {
    *("stream_options", "logprobs", "top_k", "min_p", "repetition_penalty", "cache_prompt", "raw")
}
"""Fields that can be dropped from a request, although some change what the answer says."""

UNKNOWN_FIELD = re.compile(
    r"support|permit|allow|extra|unknown|unrecognized|unexpected|not a valid", re.IGNORECASE
)
NEW_MAX_TOKENS_FIELD = "max_completion_tokens"


@dataclass(frozen=True)
class Dialect:
    """What a kind of server supports beyond OpenAI's API.

    `sampling_overrides` undo its own sampling defaults. `stop_ids_field` is the field for the ids
    of tokens that end an answer. `tokenize_api` is the form of its `/tokenize`. `fim_api` is how it
    accepts a gap whose prompt it builds itself: as a suffix, or at a route of its own. `raw_fields`
    request the text as the model writes it: it is trimmed here.
    """

    sampling_overrides: Body = field(default_factory=dict)
    raw_fields: Body = field(default_factory=dict)
    stop_ids_field: str = ""
    tokenize_api: Literal["", "vllm", "llamacpp"] = ""
    fim_api: Literal["", "suffix", "infill"] = ""


# By default vLLM uses the sampling that a model is published with, llama.cpp one of its own.
DIALECTS: Mapping[str, Dialect] = {
    "vllm": Dialect(
        {
            "top_k": -1,
            "min_p": 0.0,
            "repetition_penalty": 1.0,
            "stream_options": {"include_usage": True, "continuous_usage_stats": True},
        },
        stop_ids_field="stop_token_ids",
        tokenize_api="vllm",
    ),
    "llamacpp": Dialect(
        {"top_k": 1000, "min_p": 0.0, "cache_prompt": True},
        tokenize_api="llamacpp",
        fim_api="infill",
    ),
    "starcoder": Dialect(fim_api="suffix", raw_fields={"raw": True}),
}
GENERIC_DIALECT = Dialect()


@dataclass(frozen=True)
class ServedModel:
    """A model in a server's list: its id, its owner, and its window in tokens, 0 if unknown."""

    id: str
    owner: str = ""
    window: int = 0


WINDOW_FIELDS = ("max_model_len", "context_length", "context_window", "max_context_length")
"""Names for a model's window in server lists: vLLM, OpenRouter, Groq, Mistral."""


def parse_model_list(value: object) -> list[ServedModel]:
    """The models in a server's list; raises ProtocolError for an unknown form.

    A bare list is accepted, and null counts as empty. Ollama's own list has another name.
    """
    rows = value
    if isinstance(value, dict) and value.keys() & {"data", "models"}:
        rows = value.get("data", value.get("models")) or []
    if not isinstance(rows, list):
        raise model_list_error()
    return [parse_served_model(row) for row in rows]


def parse_served_model(row: object) -> ServedModel:
    """Parse an entry of a model list, which may be just a name."""
    fields = {"id": row} if isinstance(row, str) else as_record(row)
    name = fields.get("id") or fields.get("model") or fields.get("name")
    if not isinstance(name, str):
        raise model_list_error()
    owner = fields.get("owned_by")
    sources = (
        *(fields.get(key) for key in WINDOW_FIELDS),
        as_record(fields.get("meta")).get("n_ctx"),
    )
    window = next(filter(None, map(count_or_zero, sources)), 0)
    return ServedModel(name, owner if isinstance(owner, str) else "", window)


def model_list_error() -> ProtocolError:
    """The error for a list of models in an unknown form."""
    return ProtocolError(
        "the endpoint's list of models is not in OpenAI's format",
        "name one with -m; does the address end where its /v1 begins?",
    )


def parse_window(record: Mapping[str, Any]) -> int:
    """The window that llama.cpp's server reports, or 0 if it reports none."""
    return count_or_zero(as_record(record.get("default_generation_settings")).get("n_ctx"))


def common_request_fields(model: str, sampling: Sampling, dialect: Dialect) -> dict[str, object]:
    """The fields common to all requests for an answer."""
    seed = {} if sampling.seed is None else {"seed": sampling.seed}
    return {
        "model": model,
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        **seed,
        **dialect.sampling_overrides,
    }


def completion_body(
    model: str,
    prompt: "str | Sequence[int]",
    sampling: Sampling,
    dialect: Dialect,
    stop: Sequence[str] | Sequence[int],
) -> Body:
    """Build a request to continue a text or token ids, up to one of the given texts or tokens."""
    logprobs = {"logprobs": 1} if sampling.logprobs else {}
    stop_fields: Body = {}
    if dialect.stop_ids_field:
        stop_fields = {dialect.stop_ids_field: list(stop)}
    elif stop:
        stop_fields = {"stop": list(stop[:MAX_OPENAI_STOPS])}
    fields = {
        **common_request_fields(model, sampling, dialect),
        "prompt": prompt,
        **logprobs,
        **stop_fields,
    }
    return {**fields, **dialect.raw_fields}


def infill_body(model: str, prefix: str, suffix: str, sampling: Sampling, dialect: Dialect) -> Body:
    """Build a request to fill a gap, whose prompt the server builds itself."""
    logprobs_field = "logprobs"
    text_fields: Body = {"prompt": prefix, "suffix": suffix}
    if dialect.fim_api == "infill":
        logprobs_field, max_tokens = "n_probs", sampling.max_tokens
        text_fields = {"input_prefix": prefix, "input_suffix": suffix, "n_predict": max_tokens}
    logprobs = {logprobs_field: 1} if sampling.logprobs else {}
    return {
        **common_request_fields(model, sampling, dialect),
        **text_fields,
        **logprobs,
        **dialect.raw_fields,
    }


def chat_body(model: str, conversation: Conversation, sampling: Sampling, dialect: Dialect) -> Body:
    """Build a request for the next answer of a conversation."""
    all_messages = (*conversation.opening(), *conversation.messages)
    messages = [{"role": message.role, "content": message.text} for message in all_messages]
    logprobs = {"logprobs": True} if sampling.logprobs else {}
    return {**common_request_fields(model, sampling, dialect), "messages": messages, **logprobs}


def tokenize_body(
    model: str, text: str, dialect: Dialect, add_bos: bool, parse_control: bool
) -> Body:
    """Build a request for a text's tokens; vLLM always parses control tokens in it."""
    if dialect.tokenize_api == "llamacpp":
        options = {"add_special": add_bos, "parse_special": parse_control, "with_pieces": True}
        return {"content": text, **options}
    options = {"add_special_tokens": add_bos, "return_token_strs": True}
    return {"model": model, "prompt": text, **options}


def parse_tokens(record: Mapping[str, Any]) -> list[tuple[int, str]]:
    """Parse the tokens of a text, each with its spelling if that is text."""
    with reject_malformed("answer"):
        tokens = record["tokens"]
        if all(isinstance(token, dict) for token in tokens):
            return [(int(token["id"]), str(token["piece"])) for token in tokens]
        token_texts = record.get("token_strs") or [""] * len(tokens)
        return [
            (int(token_id), str(text)) for token_id, text in zip(tokens, token_texts, strict=True)
        ]


def find_refused_fields(body: Body, words: str) -> frozenset[str]:
    """The optional fields of a request that an error message reports as unknown."""
    names = frozenset(
        name for name in OPTIONAL_FIELDS if name in body and re.search(rf"\b{name}\b", words)
    )
    if "max_tokens" in body and NEW_MAX_TOKENS_FIELD in words:
        names |= {"max_tokens"}
    return names if UNKNOWN_FIELD.search(words) else names & {"stream_options"}


def without_fields(body: Body, refused: AbstractSet[str]) -> Body:
    """Remove fields from a request; newer OpenAI models have another name for `max_tokens`."""
    renamed = (
        {NEW_MAX_TOKENS_FIELD: body["max_tokens"]} if "max_tokens" in refused & body.keys() else {}
    )
    return {name: value for name, value in body.items() if name not in refused} | renamed


def decode_stream(events: Iterable[bytes], max_tokens: int) -> Stream:
    """Decode the events of an answer; the last chunk has the reason and the usage.

    Each event with text counts as a token until the server reports a count. An answer counts as cut
    off if it ends without a reason, on a server that gives reasons, or has many more pieces or
    characters than `max_tokens` allows. Raises the error that an event reports, and
    UnavailableError if the events end before the answer does, or have no text in them.
    """
    return join_surrogates(decode_events(events, max_tokens))


def decode_events(events: Iterable[bytes], max_tokens: int) -> Stream:
    """Decode the events of an answer, split into the server's own pieces."""
    emitted_tokens = prompt_tokens = completion_tokens = 0
    reason: FinishReason | None = None
    for event in limit_events(parse_events(events), max_tokens):
        prompt_tokens = event.prompt_tokens or prompt_tokens
        completion_tokens = event.completion_tokens or completion_tokens
        reason = reason or event.reason
        if event.text or event.reasoning_content:
            new_tokens = (
                max(completion_tokens - emitted_tokens, 0) if event.completion_tokens else 1
            )
            emitted_tokens += new_tokens
            yield Chunk(
                event.text,
                new_tokens,
                None,
                prompt_tokens,
                event.logprob,
                reasoning_content=event.reasoning_content,
            )
    if reason is None:
        raise UnavailableError("the endpoint broke off in the middle of an answer", "try again")
    yield Chunk("", max(completion_tokens - emitted_tokens, 0), reason, prompt_tokens)


def parse_events(events: Iterable[bytes]) -> Iterator[StreamEvent]:
    """Parse each event; the end of the answer becomes an event without text."""
    has_reasons = False
    for data in events:
        if data == DONE:
            yield StreamEvent(reason="length" if has_reasons else "stop")
            return
        record = parse_endpoint_json(data)
        if is_error(record):
            raise error_from_event(record)
        event = parse_stream_event(record)
        has_reasons = has_reasons or event.has_reasons
        yield event
