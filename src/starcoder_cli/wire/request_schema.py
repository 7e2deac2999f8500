"""The fields of requests to the HTTP API, each of exactly one type, with what it may be.

One that is not known, or that asks for what this program does not do, is an error that names it:
nothing is read over but what changes no answer.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from starcoder_cli.terminal.sanitize import to_one_line
from starcoder_cli.wire.errors import ApiError

MAX_REQUEST_TOKENS = 1_000_000
MAX_CHOICES = 8
MAX_STOP_SEQUENCES, MAX_STOP_BYTES = 16, 256
MAX_MESSAGES = MAX_EXTRA_FILES = 1024
MAX_SEED = 2**32 - 2
MAX_NAME_CHARACTERS = 256


def check_stop_length(text: str) -> str:
    """A text to stop at, if it is not too long."""
    if len(text.encode()) > MAX_STOP_BYTES:
        raise ValueError(f"it has more than {MAX_STOP_BYTES} bytes")
    return text


def as_list(value: object) -> object:
    """A text alone is as good as a list of one, and null as one of none."""
    return [] if value is None else [value] if isinstance(value, str) else value


def unwrap_single(value: object) -> object:
    """A list of one text is as good as the text."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def as_text_parts(value: object) -> object:
    """A text is as good as a list of parts with one text."""
    return [{"type": "text", "text": value}] if isinstance(value, str) else value


NameString = Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARACTERS)]
TokenCount = Annotated[int, Field(ge=1, le=MAX_REQUEST_TOKENS)]
TemperatureValue = Annotated[float, Field(ge=0, le=2)]
TopPValue = Annotated[float, Field(ge=0.000001, le=1)]
ZeroPenalty = Annotated[float, Field(ge=0, le=0)]
StopSequence = Annotated[str, Field(min_length=1), AfterValidator(check_stop_length)]
StopSequences = Annotated[
    list[StopSequence], Field(max_length=MAX_STOP_SEQUENCES), BeforeValidator(as_list)
]


class StrictSchema(BaseModel):
    """An object whose fields are exactly of their types, and all known."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, frozen=True)


class StreamOptions(StrictSchema):
    """What a stream has in it besides the answer."""

    include_usage: bool = False


class OpenAISchema(StrictSchema):
    """What completions and chat have in common; `null` is as good as nothing."""

    model: NameString | None = None
    max_tokens: TokenCount | None = None
    temperature: TemperatureValue | None = None
    top_p: TopPValue | None = None
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] | None = None
    n: Annotated[int, Field(ge=1, le=MAX_CHOICES)] | None = None
    stop: StopSequences = []
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    presence_penalty: ZeroPenalty | None = None
    frequency_penalty: ZeroPenalty | None = None
    user: Annotated[str, Field(max_length=MAX_NAME_CHARACTERS)] | None = None


class CompletionSchema(OpenAISchema):
    """A text to continue, or with a `suffix` a gap to fill.

    `raw`, `filename` and `repository` are our own.
    """

    prompt: Annotated[str, BeforeValidator(unwrap_single)]
    suffix: str | None = None
    echo: bool | None = None
    logprobs: Annotated[int, Field(ge=0, le=1)] | None = None
    best_of: Annotated[int, Field(ge=1, le=1)] | None = None
    raw: bool | None = None
    filename: NameString | None = None
    repository: NameString | None = None


class TextPart(StrictSchema):
    """A part of a message; there are none but texts."""

    type: Literal["text"]
    text: str


class ChatMessage(StrictSchema):
    """What one side said."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[
        list[TextPart], Field(max_length=MAX_MESSAGES), BeforeValidator(as_text_parts)
    ]
    name: NameString | None = None

    @property
    def text(self) -> str:
        """Its parts as one text."""
        return "".join(part.text for part in self.content)


class ChatSchema(OpenAISchema):
    """A conversation that ends with a question."""

    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=MAX_MESSAGES)]
    max_completion_tokens: TokenCount | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=0)] | None = None


class Extra(StrictSchema):
    """Another file that is read along."""

    text: str
    filename: Annotated[str, Field(max_length=MAX_NAME_CHARACTERS)] = ""
    time: float | None = None


class InfillSchema(StrictSchema):
    """A gap as llama.cpp's editors describe it: `prompt` is the beginning of the line with the gap.

    How llama.cpp is to sample and to remember is read over, as is how long it may read: it changes
    how soon an answer comes and how likely its tokens are, not what is asked.
    """

    input_prefix: str
    input_suffix: str
    prompt: str = ""
    input_extra: Annotated[list[Extra], Field(max_length=MAX_EXTRA_FILES)] = []
    n_predict: Annotated[int, Field(ge=-1, le=MAX_REQUEST_TOKENS)] | None = None
    temperature: TemperatureValue | None = None
    top_p: TopPValue | None = None
    seed: Annotated[int, Field(ge=-1, le=MAX_SEED)] = -1
    stop: StopSequences = []
    stream: bool = False
    model: NameString | None = None
    raw: bool = False
    filename: NameString | None = None
    repository: NameString | None = None
    cache_prompt: bool = True
    id_slot: Annotated[int, Field(ge=-1, le=MAX_EXTRA_FILES)] = -1
    n_indent: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    top_k: Annotated[int, Field(ge=-1, le=1_000_000)] = 0
    min_p: Annotated[float, Field(ge=0, le=1)] = 0.0
    samplers: Annotated[list[NameString], Field(max_length=32)] = []
    t_max_prompt_ms: Annotated[int, Field(ge=-1, le=10**9)] = -1
    t_max_predict_ms: Annotated[int, Field(ge=-1, le=10**9)] = -1
    response_fields: Annotated[list[NameString], Field(max_length=64)] = []


Schema = TypeVar("Schema", bound=StrictSchema)


def validate_request(schema: type[Schema], record: Mapping[str, object]) -> Schema:
    """A record by a schema; ApiError names the first field that is wrong, and never its value."""
    try:
        return schema.model_validate(record)
    except ValidationError as error:
        first_error = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field_path = to_one_line(".".join(map(str, first_error["loc"])), 100)
        if first_error["type"] == "extra_forbidden":
            raise ApiError(
                400,
                f"{field_path} is not known or not supported here",
                field_path,
                "unknown_parameter",
            ) from None
        message = first_error["msg"].removeprefix("Value error, ")
        raise ApiError(400, f"{field_path}: {message}", field_path, "invalid_value") from None
