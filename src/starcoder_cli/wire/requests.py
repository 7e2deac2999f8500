"""What clients of the HTTP API ask: OpenAI's completions and chat, llama.cpp's infill."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from starcoder_cli.files.source import Hole
from starcoder_cli.files.strict_json import MalformedError, parse_object
from starcoder_cli.model import Sampling
from starcoder_cli.prompts.chat import Conversation, Message
from starcoder_cli.prompts.fim import Document
from starcoder_cli.wire.errors import ApiError
from starcoder_cli.wire.request_schema import (
    ChatForm,
    ChatMessage,
    CompletionForm,
    InfillForm,
    OpenAIForm,
    checked,
)

MAX_TOKENS = 256
CHAT_TOKENS = 512


@dataclass(frozen=True)
class Asked:
    """What a client asks: text for a hole, or the next answer of a conversation.

    `fills` asks for a gap even where nothing is behind it, `raw` for the text as the model writes
    it, `echo` for the prompt before it. `files` are read along. With
    `seconds` it may end at a line once it has been written for so long.
    """

    subject: Hole | Conversation
    sampling: Sampling
    model: str | None = None
    n: int = 1
    stop: tuple[str, ...] = ()
    stream: bool = False
    with_usage: bool = False
    echo: bool = False
    fills: bool = False
    raw: bool = False
    filename: str = ""
    files: tuple[Document, ...] = ()
    seconds: float | None = None


def completion_of(data: bytes) -> Asked:
    """What a request for a completion asks."""
    form = checked(CompletionForm, strict_object(data))
    asked = common(form, Hole(form.prompt, form.suffix or ""), form.max_tokens or MAX_TOKENS)
    return replace(
        asked,
        sampling=replace(asked.sampling, logprobs=form.logprobs is not None),
        echo=bool(form.echo),
        fills=bool(form.suffix),
        raw=bool(form.raw) or not form.suffix,
        filename=form.filename or "",
    )


def chat_of(data: bytes) -> Asked:
    """What a request for the next answer of a conversation asks."""
    form = checked(ChatForm, strict_object(data))
    most = form.max_completion_tokens or form.max_tokens or CHAT_TOKENS
    asked = common(form, conversation(form.messages), most)
    return replace(asked, sampling=replace(asked.sampling, logprobs=bool(form.logprobs)))


def common(form: OpenAIForm, subject: Hole | Conversation, most: int) -> Asked:
    """What is asked with so many tokens, as far as both routes have the fields."""
    return Asked(
        subject,
        sampling(most, form.temperature, form.top_p, form.seed),
        model=form.model,
        n=form.n or 1,
        stop=tuple(form.stop),
        stream=bool(form.stream),
        with_usage=bool(form.stream_options and form.stream_options.include_usage),
    )


def infill_of(data: bytes) -> Asked:
    """What a request of llama.cpp's form asks; -1 leaves a number to the server."""
    form = checked(InfillForm, strict_object(data))
    most = form.n_predict if form.n_predict and form.n_predict > 0 else MAX_TOKENS
    seed = form.seed if form.seed >= 0 else None
    limited = form.t_max_predict_ms > 0
    return Asked(
        Hole(form.input_prefix + form.prompt, form.input_suffix),
        sampling(most, form.temperature, form.top_p, seed),
        model=form.model,
        stop=tuple(form.stop),
        stream=form.stream,
        fills=True,
        raw=form.raw,
        filename=form.filename or "",
        files=tuple(Document(each.filename or "untitled", each.text) for each in form.input_extra),
        seconds=form.t_max_predict_ms / 1000 if limited else None,
    )


def sampling(
    most: int, temperature: float | None, top_p: float | None, seed: int | None
) -> Sampling:
    """How tokens are chosen: as the command line does where a client does not say."""
    usual = Sampling(most, seed=seed)
    return replace(
        usual,
        temperature=usual.temperature if temperature is None else temperature,
        top_p=usual.top_p if top_p is None else top_p,
    )


def conversation(messages: Sequence[ChatMessage]) -> Conversation:
    """The messages as a conversation; ApiError where no answer could be the next one."""
    spoken = [at for at, each in enumerate(messages) if each.role in ("user", "assistant")]
    first = spoken[0] if spoken else len(messages)
    for at, each in enumerate(messages):
        if at > first and each.role in ("system", "developer"):
            raise wrong(at, "comes behind what others said")
    if not spoken or messages[first].role != "user":
        raise wrong(min(first, len(messages) - 1), "is no question")
    if messages[-1].role != "user":
        raise wrong(len(messages) - 1, "is no question, and only those are answered")
    system = "\n".join(each.text for each in messages[:first])
    return Conversation(system, tuple(map(said, messages[first:])))


def said(message: ChatMessage) -> Message:
    """What was said, by whom."""
    return Message("assistant" if message.role == "assistant" else "user", message.text)


def wrong(at: int, what: str) -> ApiError:
    """The error that names a message."""
    where = f"messages.{at}.role"
    return ApiError(400, f"{where}: this message {what}", where, "invalid_value")


def strict_object(data: bytes) -> Mapping[str, object]:
    """The JSON object in a request; ApiError for anything else, and for lone surrogates in it."""
    try:
        value = parse_object(data, most_values=len(data))
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeError as error:
        raise ApiError(400, "the request has a lone surrogate") from error
    except MalformedError as error:
        raise ApiError(400, f"the request is no JSON that is taken: {error}") from error
    return value
