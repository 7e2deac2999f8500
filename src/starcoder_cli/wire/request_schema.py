"""The fields of requests to the HTTP API, each of exactly one type, with what it may be.

One that is not known, or that asks for what this program does not do, is an error that names it:
nothing is read over but what changes no answer.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from starcoder_cli.terminal.sanitize import one_line
from starcoder_cli.wire.errors import ApiError

MOST_TOKENS = 1_000_000
MOST_CHOICES = 8
MOST_STOPS, MOST_STOP_BYTES = 16, 256
MOST_MESSAGES = MOST_FILES = 1024
MOST_SEED = 2**32 - 2
NAME = 256


def short(text: str) -> str:
    """A text to stop at, if it is not too long."""
    if len(text.encode()) > MOST_STOP_BYTES:
        raise ValueError(f"it has more than {MOST_STOP_BYTES} bytes")
    return text


def several(value: object) -> object:
    """A text alone is as good as a list of one, and null as one of none."""
    return [] if value is None else [value] if isinstance(value, str) else value


def alone(value: object) -> object:
    """A list of one text is as good as the text."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def parts(value: object) -> object:
    """A text is as good as a list of parts with one text."""
    return [{"type": "text", "text": value}] if isinstance(value, str) else value


Name = Annotated[str, Field(min_length=1, max_length=NAME)]
Count = Annotated[int, Field(ge=1, le=MOST_TOKENS)]
Temperature = Annotated[float, Field(ge=0, le=2)]
Share = Annotated[float, Field(ge=0.000001, le=1)]
Neutral = Annotated[float, Field(ge=0, le=0)]
Stop = Annotated[str, Field(min_length=1), AfterValidator(short)]
Stops = Annotated[list[Stop], Field(max_length=MOST_STOPS), BeforeValidator(several)]


class Form(BaseModel):
    """An object whose fields are exactly of their types, and all known."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, frozen=True)


class StreamOptions(Form):
    """What a stream has in it besides the answer."""

    include_usage: bool = False


class OpenAIForm(Form):
    """What completions and chat have in common; `null` is as good as nothing."""

    model: Name | None = None
    max_tokens: Count | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None
    seed: Annotated[int, Field(ge=0, le=MOST_SEED)] | None = None
    n: Annotated[int, Field(ge=1, le=MOST_CHOICES)] | None = None
    stop: Stops = []
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    presence_penalty: Neutral | None = None
    frequency_penalty: Neutral | None = None
    user: Annotated[str, Field(max_length=NAME)] | None = None


class CompletionForm(OpenAIForm):
    """A text to continue, or with a `suffix` a gap to fill; `raw` and `filename` are our own."""

    prompt: Annotated[str, BeforeValidator(alone)]
    suffix: str | None = None
    echo: bool | None = None
    logprobs: Annotated[int, Field(ge=0, le=1)] | None = None
    best_of: Annotated[int, Field(ge=1, le=1)] | None = None
    raw: bool | None = None
    filename: Name | None = None


class Part(Form):
    """A part of a message; there are none but texts."""

    type: Literal["text"]
    text: str


class ChatMessage(Form):
    """What one side said."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[list[Part], Field(max_length=MOST_MESSAGES), BeforeValidator(parts)]
    name: Name | None = None

    @property
    def text(self) -> str:
        """Its parts as one text."""
        return "".join(part.text for part in self.content)


class ChatForm(OpenAIForm):
    """A conversation that ends with a question."""

    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=MOST_MESSAGES)]
    max_completion_tokens: Count | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=0)] | None = None


class Extra(Form):
    """Another file that is read along."""

    text: str
    filename: Annotated[str, Field(max_length=NAME)] = ""
    time: float | None = None


class InfillForm(Form):
    """A gap as llama.cpp's editors describe it: `prompt` is the beginning of the line with the gap.

    How llama.cpp is to sample and to remember is read over, as is how long it may read: it changes
    how soon an answer comes and how likely its tokens are, not what is asked.
    """

    input_prefix: str
    input_suffix: str
    prompt: str = ""
    input_extra: Annotated[list[Extra], Field(max_length=MOST_FILES)] = []
    n_predict: Annotated[int, Field(ge=-1, le=MOST_TOKENS)] | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None
    seed: Annotated[int, Field(ge=-1, le=MOST_SEED)] = -1
    stop: Stops = []
    stream: bool = False
    model: Name | None = None
    raw: bool = False
    filename: Name | None = None
    cache_prompt: bool = True
    id_slot: Annotated[int, Field(ge=-1, le=MOST_FILES)] = -1
    n_indent: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    top_k: Annotated[int, Field(ge=-1, le=1_000_000)] = 0
    min_p: Annotated[float, Field(ge=0, le=1)] = 0.0
    samplers: Annotated[list[Name], Field(max_length=32)] = []
    t_max_prompt_ms: Annotated[int, Field(ge=-1, le=10**9)] = -1
    t_max_predict_ms: Annotated[int, Field(ge=-1, le=10**9)] = -1
    response_fields: Annotated[list[Name], Field(max_length=64)] = []


Checked = TypeVar("Checked", bound=Form)


def checked(form: type[Checked], record: Mapping[str, object]) -> Checked:
    """A record as a form; ApiError names the first field that is wrong, and never its value."""
    try:
        return form.model_validate(record)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = one_line(".".join(map(str, first["loc"])), 100)
        if first["type"] == "extra_forbidden":
            raise ApiError(
                400, f"{where} is not known or not supported here", where, "unknown_parameter"
            ) from None
        what = first["msg"].removeprefix("Value error, ")
        raise ApiError(400, f"{where}: {what}", where, "invalid_value") from None
