"""What requests to the HTTP API share: the types of fields, and the fields that are ignored.

Clients send `null` for what they leave open, fields that do not affect the answer, and sampling
options that this program does not have. All of these are ignored; the last are named in the answer.
A field that would change the meaning of an answer is an error that names it.
"""

import json
from collections.abc import Callable, Mapping
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from starcoder_cli.errors import MalformedError
from starcoder_cli.files.strict_json import parse_object
from starcoder_cli.terminal.sanitize import to_one_line
from starcoder_cli.wire.errors import ApiError
from starcoder_cli.wire.faults import describe_fault, kind_of_value

MAX_REQUEST_TOKENS = 1_000_000_000
MAX_CHOICES = 8
MAX_STOP_SEQUENCES, MAX_STOP_BYTES = 128, 256
MAX_MESSAGES = MAX_EXTRA_FILES = 1024
MAX_SEED = 2**32 - 2
MAX_NAME_CHARACTERS = 256
MAX_UNUSED_NAMES = 16
"""Maximum number of unused fields named in an answer."""

HARMLESS_FIELDS = frozenset(
    (
        "cache_prompt",
        "id_slot",
        "include_obfuscation",
        "metadata",
        "n_indent",
        "n_keep",
        "parallel_tool_calls",
        "prompt_cache_key",
        "prompt_cache_retention",
        "return_progress",
        "return_tokens",
        "safety_identifier",
        "service_tier",
        "store",
        "timings_per_token",
        "user",
    )
)
"""Ignored fields that do not affect the answer, so that no warning is needed."""


def is_nothing(value: object) -> bool:
    """Whether a value asks for nothing: empty, zero, off, or llama.cpp's -1."""
    return not value or value == -1


def is_plain_text(value: object) -> bool:
    """Whether a response format is plain text."""
    return isinstance(value, Mapping) and value.get("type") == "text"


UNSUPPORTED_FIELDS: Mapping[str, Callable[[object], bool]] = {
    "audio": is_nothing,
    "function_call": lambda value: value in ("none", "auto"),
    "functions": is_nothing,
    "grammar": is_nothing,
    "image_data": is_nothing,
    "json_schema": is_nothing,
    "modalities": lambda value: value in ([], ["text"]),
    "multimodal_data": is_nothing,
    "response_format": lambda value: is_nothing(value) or is_plain_text(value),
    "tool_choice": lambda value: is_nothing(value) or value in ("none", "auto"),
    "tools": is_nothing,
    "web_search_options": is_nothing,
}
"""Fields that would change what an answer means, with a test for values that would not."""

TOOL_CHOICES = {"tools": "tool_choice", "functions": "function_call"}

NO_TOOLS = "this model does not support tools: send none, or ask in chat mode, not as an agent"
"""Ollama's wording: clients look for these words, and retry without tools."""


def drop_nulls(value: object) -> object:
    """Remove null fields from a JSON value: they count as missing."""
    if isinstance(value, dict):
        return {key: drop_nulls(each) for key, each in value.items() if each is not None}
    return [drop_nulls(each) for each in value] if isinstance(value, list) else value


def check_stop_length(text: str) -> str:
    """Check that a stop text is not too long."""
    if len(text.encode()) > MAX_STOP_BYTES:
        raise ValueError(f"has more than {MAX_STOP_BYTES} bytes")
    return text


def as_text_list(value: object) -> list[object]:
    """Turn a single text into a list of one."""
    if not isinstance(value, str | list):
        raise ValueError(f"has to be a text or a list of texts, not {kind_of_value(value)}")
    return [value] if isinstance(value, str) else value


def as_stop_list(value: object) -> list[object]:
    """Turn a stop text into a list, without empty texts: they would end every answer at once."""
    return [each for each in as_text_list(value) if each != ""]


NameString = Annotated[str, Field(max_length=MAX_NAME_CHARACTERS)]
TokenCount = Annotated[int, Field(ge=0, le=MAX_REQUEST_TOKENS)]
LlamaTokenCount = Annotated[int, Field(ge=-2, le=MAX_REQUEST_TOKENS)]
TemperatureValue = Annotated[float, Field(ge=0, le=2)]
TopPValue = Annotated[float, Field(ge=0, le=1), AfterValidator(lambda value: max(value, 1e-6))]
SeedValue = Annotated[
    int,
    Field(ge=-(2**64), le=2**64),
    AfterValidator(lambda seed: seed % (MAX_SEED + 1) if seed >= 0 else None),
]
ChoiceCount = Annotated[int, Field(ge=1, le=MAX_CHOICES)]
StopSequence = Annotated[str, Field(min_length=1), AfterValidator(check_stop_length)]
StopSequences = Annotated[
    list[StopSequence], Field(max_length=MAX_STOP_SEQUENCES), BeforeValidator(as_stop_list)
]


class RequestSchema(BaseModel):
    """An object with strictly typed fields; unknown fields are allowed."""

    model_config = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False, frozen=True)


Schema = TypeVar("Schema", bound=RequestSchema)


def read_request(schema: type[Schema], data: bytes) -> tuple[Schema, tuple[str, ...]]:
    """Parse a request body by a schema; also returns warnings about unused fields.

    ApiError names the first field that is wrong or unsupported, but never its value.
    """
    fields = parse_request_object(data)
    record = {key: drop_nulls(each) for key, each in fields.items() if each is not None}
    refuse_unsupported(record)
    return validate_request(schema, record), name_unused(schema, record)


def parse_request_object(data: bytes) -> Mapping[str, object]:
    """The JSON object in a request; raises ApiError for anything else and for lone surrogates."""
    try:
        value = parse_object(data, max_values=len(data))
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeError as error:
        raise ApiError(400, "the request has a lone surrogate") from error
    except MalformedError as error:
        raise ApiError(400, f"the request has to be a JSON object: {explain(error)}") from error
    return value


def explain(error: MalformedError) -> str:
    """Say what is wrong with the bytes of a request, and where."""
    cause = error.__cause__
    if isinstance(cause, UnicodeDecodeError):
        return "it is not UTF-8"
    if not isinstance(cause, json.JSONDecodeError):
        return str(error)
    return f"{error} in line {cause.lineno}, column {cause.colno}" if cause.doc else "it is empty"


def refuse_unsupported(record: Mapping[str, object]) -> None:
    """Raise ApiError if a field would change what the answer means."""
    for name, changes_nothing in UNSUPPORTED_FIELDS.items():
        is_off = record.get(TOOL_CHOICES.get(name, "")) == "none"
        if name in record and not is_off and not changes_nothing(record[name]):
            says = f"{name} is not supported here: leave it out"
            message = NO_TOOLS if name in TOOL_CHOICES else says
            raise ApiError(400, message, name, "unsupported_parameter")


def name_unused(schema: type[RequestSchema], record: Mapping[str, object]) -> tuple[str, ...]:
    """A warning that names the ignored fields which ask for something; empty if there are none."""
    known = schema.model_fields.keys() | HARMLESS_FIELDS | UNSUPPORTED_FIELDS.keys()
    unused = sorted(name for name in record.keys() - known if not is_nothing(record[name]))
    named = [to_one_line(name, 100) for name in unused]
    more = [f"{len(named) - MAX_UNUSED_NAMES} more"] if len(named) > MAX_UNUSED_NAMES else []
    listed = ", ".join([*named[:MAX_UNUSED_NAMES], *more])
    return (f"not used here: {listed}",) if listed else ()


def validate_request(schema: type[Schema], record: Mapping[str, object]) -> Schema:
    """Validate a record; ApiError names the first field that is wrong, but never its value."""
    try:
        return schema.model_validate(record)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        field_path = to_one_line(".".join(map(str, fault["loc"])), 100)
        message = f"{field_path} {describe_fault(fault)}"
        raise ApiError(400, message, field_path, "invalid_value") from None
