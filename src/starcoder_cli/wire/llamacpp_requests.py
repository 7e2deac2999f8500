"""Requests in llama.cpp's form: infill and its own completion."""

from dataclasses import replace
from typing import Annotated

from pydantic import BeforeValidator, Field

from starcoder_cli.model import Hole
from starcoder_cli.prompts.fim import Document
from starcoder_cli.wire.request_schema import (
    MAX_EXTRA_FILES,
    MAX_NAME_CHARACTERS,
    ChoiceCount,
    LlamaTokenCount,
    NameString,
    RequestSchema,
    SeedValue,
    StopSequences,
    TemperatureValue,
    TopPValue,
    as_text_list,
    read_request,
)
from starcoder_cli.wire.requests import (
    DEFAULT_COMPLETION_TOKENS,
    CompletionRequest,
    build_sampling,
)

Milliseconds = Annotated[float, Field(ge=-1, le=10**9)]


class Extra(RequestSchema):
    """Another file to include."""

    text: str
    filename: Annotated[str, Field(max_length=MAX_NAME_CHARACTERS)] = ""


class LlamaSchema(RequestSchema):
    """The fields common to both routes; -1 leaves a number to the server.

    Other fields for sampling and caching are ignored: they affect how likely tokens are and how
    fast they come, not what is asked.
    """

    n_predict: LlamaTokenCount = -1
    max_tokens: LlamaTokenCount = -1
    temperature: TemperatureValue | None = None
    top_p: TopPValue | None = None
    seed: SeedValue | None = None
    n_cmpl: ChoiceCount = 1
    stop: StopSequences = []
    stream: bool = False
    model: NameString = ""
    top_k: int = 0
    min_p: float = 0.0
    samplers: Annotated[list[NameString], Field(max_length=64), BeforeValidator(as_text_list)] = []
    t_max_prompt_ms: Milliseconds = -1
    t_max_predict_ms: Milliseconds = -1
    response_fields: Annotated[list[NameString], Field(max_length=64)] | None = None


class InfillSchema(LlamaSchema):
    """A gap as llama.cpp's editors describe it: `prompt` is the start of the line with the gap.

    `raw`, `filename` and `repository` are our own.
    """

    input_prefix: str
    input_suffix: str
    prompt: str = ""
    input_extra: Annotated[list[Extra], Field(max_length=MAX_EXTRA_FILES)] = []
    raw: bool = False
    filename: NameString = ""
    repository: NameString = ""


class TokenizeSchema(RequestSchema):
    """A text to tokenize."""

    content: str


class LlamaCompletionSchema(LlamaSchema):
    """A text to continue."""

    prompt: str


def read_infill(data: bytes) -> CompletionRequest:
    """Parse the body of an infill request."""
    fields, warnings = read_request(InfillSchema, data)
    hole = Hole(fields.input_prefix + fields.prompt, fields.input_suffix)
    return replace(
        build_request(fields, hole, warnings),
        is_infill=True,
        raw=fields.raw,
        filename=fields.filename,
        repository=fields.repository,
        extra_files=tuple(
            Document(extra.filename or "untitled", extra.text) for extra in fields.input_extra
        ),
    )


def read_llama_completion(data: bytes) -> CompletionRequest:
    """Parse the body of a request for llama.cpp's own completion."""
    fields, warnings = read_request(LlamaCompletionSchema, data)
    return build_request(fields, Hole(fields.prompt), warnings)


def read_tokenize(data: bytes) -> str:
    """Parse the body of a tokenize request and return its text."""
    return read_request(TokenizeSchema, data)[0].content


def build_request(fields: LlamaSchema, hole: Hole, warnings: tuple[str, ...]) -> CompletionRequest:
    """Build the request for a hole from the fields common to both routes."""
    limits = (fields.n_predict, fields.max_tokens, DEFAULT_COMPLETION_TOKENS)
    names = fields.response_fields
    return CompletionRequest(
        (hole,),
        build_sampling(fields.temperature, fields.top_p, fields.seed),
        next(limit for limit in limits if limit >= 0),
        model=fields.model,
        n=fields.n_cmpl,
        stop=tuple(fields.stop),
        stream=fields.stream,
        reading_limit=seconds(fields.t_max_prompt_ms),
        time_limit=seconds(fields.t_max_predict_ms),
        response_fields=None if names is None else tuple(names),
        warnings=warnings,
    )


def seconds(milliseconds: float) -> float | None:
    """A time limit in seconds, or None if there is none."""
    return milliseconds / 1000 if milliseconds > 0 else None
