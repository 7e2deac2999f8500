"""What clients of the HTTP API ask: OpenAI's completions and chat, llama.cpp's infill."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from starcoder_cli.files.strict_json import MalformedError, parse_object
from starcoder_cli.model import Conversation, Hole, Message, Sampling
from starcoder_cli.prompts.fim import Document
from starcoder_cli.wire.errors import ApiError
from starcoder_cli.wire.request_schema import (
    ChatMessage,
    ChatSchema,
    CompletionSchema,
    InfillSchema,
    OpenAISchema,
    validate_request,
)

DEFAULT_COMPLETION_TOKENS = 256
DEFAULT_CHAT_TOKENS = 512


@dataclass(frozen=True)
class CompletionRequest:
    """What a client asks for: text for a hole, or the next answer of a conversation.

    `is_infill` asks to fill a gap even where the suffix is empty, `raw` for the text as the model
    writes it, `echo` for the prompt before it. `extra_files` are read along. After
    `time_limit` seconds the answer may end at a line.
    """

    content: Hole | Conversation
    sampling: Sampling
    model: str | None = None
    n: int = 1
    stop: tuple[str, ...] = ()
    stream: bool = False
    include_usage: bool = False
    echo: bool = False
    is_infill: bool = False
    raw: bool = False
    filename: str = ""
    repository: str = ""
    extra_files: tuple[Document, ...] = ()
    time_limit: float | None = None


def read_completion(data: bytes) -> CompletionRequest:
    """The request in the body of a completion."""
    fields = validate_request(CompletionSchema, parse_request_object(data))
    request = build_openai_request(
        fields,
        Hole(fields.prompt, fields.suffix or ""),
        fields.max_tokens or DEFAULT_COMPLETION_TOKENS,
    )
    return replace(
        request,
        sampling=replace(request.sampling, logprobs=fields.logprobs is not None),
        echo=bool(fields.echo),
        is_infill=bool(fields.suffix),
        raw=bool(fields.raw) or not fields.suffix,
        filename=fields.filename or "",
        repository=fields.repository or "",
    )


def read_chat(data: bytes) -> CompletionRequest:
    """The request in the body of a chat completion."""
    fields = validate_request(ChatSchema, parse_request_object(data))
    max_tokens = fields.max_completion_tokens or fields.max_tokens or DEFAULT_CHAT_TOKENS
    request = build_openai_request(fields, build_conversation(fields.messages), max_tokens)
    return replace(request, sampling=replace(request.sampling, logprobs=bool(fields.logprobs)))


def build_openai_request(
    fields: OpenAISchema, content: Hole | Conversation, max_tokens: int
) -> CompletionRequest:
    """The request for so many tokens, as far as both routes have the fields."""
    return CompletionRequest(
        content,
        build_sampling(max_tokens, fields.temperature, fields.top_p, fields.seed),
        model=fields.model,
        n=fields.n or 1,
        stop=tuple(fields.stop),
        stream=bool(fields.stream),
        include_usage=bool(fields.stream_options and fields.stream_options.include_usage),
    )


def read_infill(data: bytes) -> CompletionRequest:
    """The request in a body of llama.cpp's form; -1 leaves a number to the server."""
    fields = validate_request(InfillSchema, parse_request_object(data))
    max_tokens = (
        fields.n_predict if fields.n_predict and fields.n_predict > 0 else DEFAULT_COMPLETION_TOKENS
    )
    seed = fields.seed if fields.seed >= 0 else None
    has_time_limit = fields.t_max_predict_ms > 0
    return CompletionRequest(
        Hole(fields.input_prefix + fields.prompt, fields.input_suffix),
        build_sampling(max_tokens, fields.temperature, fields.top_p, seed),
        model=fields.model,
        stop=tuple(fields.stop),
        stream=fields.stream,
        is_infill=True,
        raw=fields.raw,
        filename=fields.filename or "",
        repository=fields.repository or "",
        extra_files=tuple(
            Document(extra.filename or "untitled", extra.text) for extra in fields.input_extra
        ),
        time_limit=fields.t_max_predict_ms / 1000 if has_time_limit else None,
    )


def build_sampling(
    max_tokens: int, temperature: float | None, top_p: float | None, seed: int | None
) -> Sampling:
    """How tokens are chosen: as the command line does where a client does not say."""
    defaults = Sampling(max_tokens, seed=seed)
    return replace(
        defaults,
        temperature=defaults.temperature if temperature is None else temperature,
        top_p=defaults.top_p if top_p is None else top_p,
    )


def build_conversation(messages: Sequence[ChatMessage]) -> Conversation:
    """The messages as a conversation; ApiError where no answer could be the next one."""
    turn_indexes = [
        index for index, message in enumerate(messages) if message.role in ("user", "assistant")
    ]
    first_turn = turn_indexes[0] if turn_indexes else len(messages)
    for index, message in enumerate(messages):
        if index > first_turn and message.role in ("system", "developer"):
            raise message_error(index, "comes behind what others said")
    if not turn_indexes or messages[first_turn].role != "user":
        raise message_error(min(first_turn, len(messages) - 1), "is no question")
    if messages[-1].role != "user":
        raise message_error(len(messages) - 1, "is no question, and only those are answered")
    system = "\n".join(message.text for message in messages[:first_turn])
    return Conversation(system, tuple(map(build_message, messages[first_turn:])))


def build_message(message: ChatMessage) -> Message:
    """A message of the API as one of a conversation."""
    return Message("assistant" if message.role == "assistant" else "user", message.text)


def message_error(index: int, problem: str) -> ApiError:
    """The error that names a message."""
    field_path = f"messages.{index}.role"
    return ApiError(400, f"{field_path}: this message {problem}", field_path, "invalid_value")


def parse_request_object(data: bytes) -> Mapping[str, object]:
    """The JSON object in a request; ApiError for anything else, and for lone surrogates in it."""
    try:
        value = parse_object(data, max_values=len(data))
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeError as error:
        raise ApiError(400, "the request has a lone surrogate") from error
    except MalformedError as error:
        raise ApiError(400, f"the request is no JSON that is taken: {error}") from error
    return value
