"""Requests in OpenAI's form: completions, chat, and the fill-in-the-middle of Mistral's API."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from starcoder_cli.model import Conversation, Hole, Message
from starcoder_cli.wire.errors import ApiError
from starcoder_cli.wire.faults import kind_of_value
from starcoder_cli.wire.request_schema import (
    MAX_MESSAGES,
    ChoiceCount,
    NameString,
    RequestSchema,
    SeedValue,
    StopSequences,
    TemperatureValue,
    TokenCount,
    TopPValue,
    as_text_list,
    read_request,
)
from starcoder_cli.wire.requests import (
    DEFAULT_COMPLETION_TOKENS,
    CompletionRequest,
    build_sampling,
)

MAX_PROMPTS = 64


def as_text_parts(value: object) -> object:
    """Turn a plain text into a list of parts with one text."""
    if not isinstance(value, str | list):
        raise ValueError(f"has to be a text or a list of its parts, not {kind_of_value(value)}")
    return [{"type": "text", "text": value}] if isinstance(value, str) else value


class StreamOptions(RequestSchema):
    """What a stream contains besides the answer."""

    include_usage: bool = False


class OpenAISchema(RequestSchema):
    """The fields common to all of these routes."""

    model: NameString = ""
    max_tokens: TokenCount | None = None
    temperature: TemperatureValue | None = None
    top_p: TopPValue | None = None
    seed: SeedValue | None = None
    n: ChoiceCount = 1
    stop: StopSequences = []
    stream: bool = False
    stream_options: StreamOptions = StreamOptions()


class CompletionSchema(OpenAISchema):
    """Texts to continue, or with a `suffix` a gap to fill.

    `raw`, `filename` and `repository` are our own.
    """

    prompt: Annotated[
        list[str], Field(min_length=1, max_length=MAX_PROMPTS), BeforeValidator(as_text_list)
    ]
    suffix: str = ""
    echo: bool = False
    logprobs: Annotated[int, Field(ge=0, le=5)] | None = None
    raw: bool = False
    filename: NameString = ""
    repository: NameString = ""


class FimSchema(OpenAISchema):
    """A gap in Mistral's form, which has another name for the seed."""

    prompt: str
    suffix: str = ""
    random_seed: SeedValue | None = None


class TextPart(RequestSchema):
    """A part of a message; only text is supported."""

    type: Literal["text", "input_text", "output_text"]
    text: str


class ChatMessage(RequestSchema):
    """A message from one side."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[
        list[TextPart], Field(max_length=MAX_MESSAGES), BeforeValidator(as_text_parts)
    ] = []
    tool_calls: Annotated[list[object], Field(max_length=0)] = []

    @property
    def text(self) -> str:
        """The parts of the message joined into one text."""
        return "".join(part.text for part in self.content)


class ChatSchema(OpenAISchema):
    """A conversation that ends with a question; `n_predict` is llama.cpp's name for the limit."""

    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=MAX_MESSAGES)]
    max_completion_tokens: TokenCount | None = None
    n_predict: Annotated[int, Field(ge=-2)] = -1
    response_fields: Annotated[list[NameString], Field(max_length=64)] | None = None
    logprobs: bool = False
    top_logprobs: Annotated[int, Field(ge=0, le=20)] = 0


def read_completion(data: bytes) -> CompletionRequest:
    """Parse the body of a completion request."""
    fields, warnings = read_request(CompletionSchema, data)
    if len(fields.prompt) * fields.n > MAX_PROMPTS:
        message = f"n asks for more than {MAX_PROMPTS} answers to all prompts together"
        raise ApiError(400, message, "n", "invalid_value")
    request = build_request(fields, *(Hole(prompt, fields.suffix) for prompt in fields.prompt))
    return replace(
        request,
        sampling=replace(
            request.sampling,
            logprobs=fields.logprobs is not None,
            top_logprobs=fields.logprobs or 0,
        ),
        max_tokens=DEFAULT_COMPLETION_TOKENS if fields.max_tokens is None else fields.max_tokens,
        echo=fields.echo,
        is_infill=bool(fields.suffix),
        raw=fields.raw,
        filename=fields.filename,
        repository=fields.repository,
        warnings=warnings,
    )


def read_fim(data: bytes) -> CompletionRequest:
    """Parse the body of a fill-in-the-middle request in Mistral's form."""
    fields, warnings = read_request(FimSchema, data)
    request = build_request(fields, Hole(fields.prompt, fields.suffix))
    seed = fields.seed if fields.random_seed is None else fields.random_seed
    return replace(
        request,
        sampling=replace(request.sampling, seed=seed),
        max_tokens=DEFAULT_COMPLETION_TOKENS if fields.max_tokens is None else fields.max_tokens,
        is_infill=True,
        warnings=warnings,
    )


def read_chat(data: bytes) -> CompletionRequest:
    """Parse the body of a chat completion request."""
    fields, warnings = read_request(ChatSchema, data)
    request = build_request(fields, build_conversation(fields.messages))
    limits = (fields.max_completion_tokens, fields.max_tokens, fields.n_predict)
    names = fields.response_fields
    return replace(
        request,
        sampling=replace(
            request.sampling,
            logprobs=fields.logprobs,
            top_logprobs=fields.top_logprobs if fields.logprobs else 0,
        ),
        max_tokens=next((limit for limit in limits if limit is not None and limit >= 0), None),
        response_fields=None if names is None else tuple(names),
        warnings=warnings,
    )


def build_request(fields: OpenAISchema, *contents: Hole | Conversation) -> CompletionRequest:
    """Build a request from its contents and the fields common to all routes."""
    return CompletionRequest(
        contents,
        build_sampling(fields.temperature, fields.top_p, fields.seed),
        model=fields.model,
        n=fields.n,
        stop=tuple(fields.stop),
        stream=fields.stream,
        include_usage=fields.stream_options.include_usage,
    )


def build_conversation(messages: Sequence[ChatMessage]) -> Conversation:
    """Build a conversation from messages; raises ApiError if the last is not the user's.

    Later system messages are merged into the user message next to them: chat formats allow a system
    message only at the start.
    """
    opening, pending, turns = list[str](), list[str](), list[Message]()
    for message in messages:
        if message.role == "user":
            turns.append(Message("user", "\n\n".join([*pending, message.text])))
            pending.clear()
        elif not turns:
            opening.append(message.text)
        elif message.role == "assistant":
            turns.append(Message("assistant", message.text))
        elif turns[-1].role == "user":
            turns[-1] = Message("user", f"{turns[-1].text}\n\n{message.text}")
        else:
            pending.append(message.text)
    if pending:
        turns.append(Message("user", "\n\n".join(pending)))
    if not turns or turns[-1].role != "user":
        field_path = f"messages.{len(messages) - 1}.role"
        raise ApiError(
            400,
            f"{field_path} has to be 'user' in the last message: only questions are answered",
            field_path,
            "invalid_value",
        )
    return Conversation("\n".join(opening), tuple(turns))
