"""From what a client asks to what a model is asked for it, and to the answer that belongs there."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from starcoder_cli.catalog import ModelSpec
from starcoder_cli.context.selection import ContextPool
from starcoder_cli.errors import DataError
from starcoder_cli.files.source import FileMetadata, Source, Span
from starcoder_cli.infill import Infill, InfillOptions, language_of
from starcoder_cli.model import Conversation, Hole, Model, Sampling
from starcoder_cli.prompts.build import PROMPT_OVERHEAD_TOKENS, fim_format
from starcoder_cli.reply import ChatModel
from starcoder_cli.stream import Stream
from starcoder_cli.terminal.output import CollectedMessages
from starcoder_cli.wire.errors import ApiError
from starcoder_cli.wire.requests import CompletionRequest


@dataclass(frozen=True)
class CompletionPlan:
    """What a model is asked: `answer` begins one.

    It does not read all of the text where it is `truncated`; the `notes` say what is worth knowing.
    """

    answer: Callable[[Sampling], Stream]
    truncated: bool = False
    notes: tuple[str, ...] = ()


def plan_completion(model: Model, spec: ModelSpec, request: CompletionRequest) -> CompletionPlan:
    """What a model is asked for a client.

    Raises ApiError for what it cannot read or was not trained to do.
    """
    most = request.sampling.max_tokens
    if most + 2 * PROMPT_OVERHEAD_TOKENS > model.window:
        raise ApiError(
            400,
            f"{most} tokens of answer leave no room to read: the window has {model.window}",
            "max_tokens",
            "context_length_exceeded",
        )
    if isinstance(request.content, Conversation):
        return plan_reply(model, spec, request, request.content)
    return plan_infill(model, spec, request, request.content)


def plan_infill(
    model: Model, spec: ModelSpec, request: CompletionRequest, hole: Hole
) -> CompletionPlan:
    """What is asked about a hole: as much as fits, nearest to it first.

    A completion is a hole with nothing behind it.
    """
    if request.is_infill and not (Hole in model.spells or fim_format(model, spec)):
        raise ApiError(400, f"{spec.name} was not trained to fill gaps", code="no_infill")
    at = len(hole.prefix)
    source = Source("", hole.prefix + hole.suffix)
    language = language_of(source, None, request.filename)
    infill = Infill(
        source,
        Span(at, at),
        spec,
        language,
        FileMetadata(request.filename or None, request.repository or None),
        request.sampling.max_tokens,
        InfillOptions(
            fim=request.is_infill,
            stop=request.stop,
            raw=request.raw,
            seconds=request.time_limit,
            live=request.stream,
        ),
        ContextPool.of_documents(request.extra_files, language),
    )
    messages = CollectedMessages()
    prompt = infill.prompt(model, messages)
    answer = partial(infill.stream, model, prompt)
    return CompletionPlan(answer, prompt.truncated, tuple(messages.notes))


def plan_reply(
    model: Model, spec: ModelSpec, request: CompletionRequest, conversation: Conversation
) -> CompletionPlan:
    """What is asked with a conversation; ApiError where not all of it fits: nothing is left out."""
    replier, messages = ChatModel.of(model, spec), CollectedMessages()
    most = request.sampling.max_tokens
    try:
        question = replier.prompt(conversation, most, messages.note, strict=True)
    except DataError as error:
        raise ApiError(400, error.message, "messages", "context_length_exceeded") from error
    return CompletionPlan(partial(replier.stream, question, request.stop))
