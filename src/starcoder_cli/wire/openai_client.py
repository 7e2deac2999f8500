"""What goes between the program and OpenAI-compatible servers of others: requests out, answers in.

Each kind of server knows something beyond OpenAI's API: a row of data says what. A server tells its
kind in the list of its models, as their owner.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from starcoder_cli.errors import UnavailableError
from starcoder_cli.model import Sampling
from starcoder_cli.prompts.chat import Conversation
from starcoder_cli.stream import Chunk, Reason, Stream
from starcoder_cli.wire.errors import failure, parsed
from starcoder_cli.wire.local_protocol import expected

Body: TypeAlias = Mapping[str, object]

MODELS, COMPLETIONS, CHAT = "/v1/models", "/v1/completions", "/v1/chat/completions"
TOKENIZE, INFILL, PROPERTIES = "/tokenize", "/infill", "/props"
MOST_STOPS = 4  # of OpenAI's API


@dataclass(frozen=True)
class Dialect:
    """What a kind of server knows beyond OpenAI's API.

    `extras` take back what it does to an answer unasked. `stop_ids` is the field for the ids of
    tokens that end an answer. `tokenizes` says how its `/tokenize` is asked. `fim` says how it is
    told a gap that it is to spell itself: as a suffix, or at a route of its own. `raw` asks for the
    text as the model writes it: it is trimmed here.
    """

    extras: Body = field(default_factory=dict)
    raw: Body = field(default_factory=dict)
    stop_ids: str = ""
    tokenizes: Literal["", "vllm", "llamacpp"] = ""
    fim: Literal["", "suffix", "infill"] = ""


# vLLM takes the sampling that a model is published with, llama.cpp one of its own.
DIALECTS: Mapping[str, Dialect] = {
    "vllm": Dialect(
        {
            "top_k": -1,
            "min_p": 0.0,
            "repetition_penalty": 1.0,
            "stream_options": {"include_usage": True, "continuous_usage_stats": True},
        },
        stop_ids="stop_token_ids",
        tokenizes="vllm",
    ),
    "llamacpp": Dialect(
        {"top_k": 1000, "min_p": 0.0, "cache_prompt": True}, tokenizes="llamacpp", fim="infill"
    ),
    "starcoder": Dialect(fim="suffix", raw={"raw": True}),
}
OTHER = Dialect()


@dataclass(frozen=True)
class Served:
    """A model that a server lists: its id, its owner, how many tokens it reads, 0 if unknown."""

    id: str
    owner: str = ""
    window: int = 0


def served_of(record: Mapping[str, Any]) -> list[Served]:
    """The models that a server lists; ProtocolError where it lists them in another form."""
    with expected("list of models"):
        return [
            Served(str(row["id"]), str(row.get("owned_by", "")), whole(row.get("max_model_len")))
            for row in record["data"]
        ]


def window_of(record: Mapping[str, Any]) -> int:
    """The window that llama.cpp's server tells of, 0 where it tells none."""
    settings = record.get("default_generation_settings")
    return whole(settings.get("n_ctx")) if isinstance(settings, dict) else 0


def whole(value: object) -> int:
    """A count that a server states, 0 where it states none."""
    return value if type(value) is int and value > 0 else 0


def sampled(model: str, sampling: Sampling, dialect: Dialect) -> dict[str, object]:
    """What every request for an answer says."""
    seed = {} if sampling.seed is None else {"seed": sampling.seed}
    return {
        "model": model,
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        **seed,
        **dialect.extras,
    }


def completion(
    model: str,
    prompt: "str | Sequence[int]",
    sampling: Sampling,
    dialect: Dialect,
    stop: Sequence[str] | Sequence[int],
) -> Body:
    """A request to continue a text or token ids, up to one of some texts or tokens."""
    logprobs = {"logprobs": 1} if sampling.logprobs else {}
    ends: Body = {}
    if dialect.stop_ids:
        ends = {dialect.stop_ids: list(stop)}
    elif stop:
        ends = {"stop": list(stop[:MOST_STOPS])}
    asked = {**sampled(model, sampling, dialect), "prompt": prompt, **logprobs, **ends}
    return {**asked, **dialect.raw}


def gap(model: str, prefix: str, suffix: str, sampling: Sampling, dialect: Dialect) -> Body:
    """A request to fill a gap, which the server spells itself."""
    probabilities = "logprobs"
    around: Body = {"prompt": prefix, "suffix": suffix}
    if dialect.fim == "infill":
        probabilities, most = "n_probs", sampling.max_tokens
        around = {"input_prefix": prefix, "input_suffix": suffix, "n_predict": most}
    asked = {probabilities: 1} if sampling.logprobs else {}
    return {**sampled(model, sampling, dialect), **around, **asked, **dialect.raw}


def chat(model: str, conversation: Conversation, sampling: Sampling, dialect: Dialect) -> Body:
    """A request for the next answer of a conversation."""
    said = (*conversation.opening(), *conversation.messages)
    messages = [{"role": message.role, "content": message.text} for message in said]
    logprobs = {"logprobs": True} if sampling.logprobs else {}
    return {**sampled(model, sampling, dialect), "messages": messages, **logprobs}


def tokenization(model: str, text: str, dialect: Dialect, opening: bool, control: bool) -> Body:
    """A request for the tokens of a text; vLLM reads control tokens in it whether asked or not."""
    if dialect.tokenizes == "llamacpp":
        told = {"add_special": opening, "parse_special": control, "with_pieces": True}
        return {"content": text, **told}
    told = {"add_special_tokens": opening, "return_token_strs": True}
    return {"model": model, "prompt": text, **told}


def tokens_of(record: Mapping[str, Any]) -> list[tuple[int, str]]:
    """The tokens of a text, each with how it is written, as far as that is text."""
    with expected("answer"):
        tokens = record["tokens"]
        if all(isinstance(token, dict) for token in tokens):
            return [(int(token["id"]), str(token["piece"])) for token in tokens]
        written = record.get("token_strs") or [""] * len(tokens)
        return [(int(each), str(text)) for each, text in zip(tokens, written, strict=True)]


def chunks(events: Iterable[bytes]) -> Stream:
    """The answer that some events tell; the last chunk has the reason and what it cost.

    Each event with text counts as a token until the server says how many there were. Raises the
    error that an event tells of, UnavailableError where the events end before the answer does.
    """
    made = prompt_tokens = total = 0
    reason: Reason | None = None
    for data in events:
        if data == b"[DONE]":
            reason = reason or "stop"
            break
        record = parsed(data)
        if record.get("error"):
            raise failure(record)
        usage = record.get("usage") or {}
        prompt_tokens = whole(usage.get("prompt_tokens")) or prompt_tokens
        total = whole(usage.get("completion_tokens")) or total
        text, ended, logprob = told(record)
        reason = ended or reason
        if text:
            step = max(total - made, 0) if usage else 1
            made += step
            yield Chunk(text, step, None, prompt_tokens, logprob)
    if reason is None:
        raise UnavailableError("the endpoint broke off in the middle of an answer", "try again")
    yield Chunk("", max(total - made, 0), reason, prompt_tokens)


def told(record: Mapping[str, Any]) -> tuple[str, Reason | None, float]:
    """The text of an event, why the answer ends with it if so, and the text's log-probability."""
    with expected("answer"):
        if "content" in record:  # llama.cpp's own form
            limit = record.get("stop_type") == "limit"
            ended: Reason | None = ("length" if limit else "stop") if record.get("stop") else None
            return str(record["content"]), ended, log_probability(record)
        if not record["choices"]:
            return "", None, 0.0
        choice = record["choices"][0]
        text = choice.get("text") or (choice.get("delta") or {}).get("content") or ""
        finished = choice.get("finish_reason")
        ended = ("length" if finished == "length" else "stop") if finished else None
        return str(text), ended, log_probability(choice.get("logprobs") or {})


def log_probability(record: Mapping[str, Any]) -> float:
    """The sum of the log-probabilities in one of the forms that servers have, 0 without any."""
    values = record.get("token_logprobs")
    if values is None:
        rows = record.get("content") if isinstance(record.get("content"), list) else None
        rows = rows or record.get("completion_probabilities") or []
        values = [row.get("logprob") for row in rows]
    return float(sum(value for value in values if isinstance(value, int | float)))
