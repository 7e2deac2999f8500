"""Turn a client's request into model prompts and answer streams."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from starcoder_cli.catalog import ModelSpec
from starcoder_cli.context.reading_limit import ReadingLimit
from starcoder_cli.context.selection import ContextPool
from starcoder_cli.errors import DataError
from starcoder_cli.files.source import FileMetadata, Source, Span
from starcoder_cli.infill import Infill, InfillOptions, language_of
from starcoder_cli.model import MAX_ANSWER_TOKENS, Conversation, Hole, Model, Sampling
from starcoder_cli.prompts.build import PROMPT_OVERHEAD_TOKENS, fim_format
from starcoder_cli.prompts.frame import read_frame
from starcoder_cli.reply import ChatModel
from starcoder_cli.server.bridge import AbandonableModel
from starcoder_cli.stream import Stream, closing_source
from starcoder_cli.terminal.output import CollectedMessages
from starcoder_cli.wire.errors import ApiError
from starcoder_cli.wire.requests import DEFAULT_COMPLETION_TOKENS, CompletionRequest

OpenAnswer: TypeAlias = Callable[[Model, Sampling], Stream]


@dataclass(frozen=True)
class CompletionPlan:
    """A planned answer: `answer` starts it, with at most `max_tokens`; 0 only reads the prompt.

    `truncated` means that the model does not read all of the text; `notes` are for the client.
    """

    answer: OpenAnswer
    max_tokens: int
    truncated: bool = False
    notes: tuple[str, ...] = ()

    def open_stream(
        self, model: Model, sampling: Sampling, is_abandoned: Callable[[], bool]
    ) -> Stream:
        """Stream an answer that stops at the model's next step once nobody is waiting for it."""
        chunks = self.answer(AbandonableModel(model, is_abandoned), sampling)
        return chunks if self.max_tokens else only_read(chunks)


def plan_completion(
    model: Model, spec: ModelSpec, request: CompletionRequest
) -> tuple[CompletionPlan, ...]:
    """Plan one answer for each of the contents of a request.

    Raises ApiError for input the model cannot read or a task it was not trained for.
    """
    return tuple(
        plan_reply(model, spec, request, content)
        if isinstance(content, Conversation)
        else plan_infill(model, spec, request, content)
        for content in request.contents
    )


def plan_infill(
    model: Model, spec: ModelSpec, request: CompletionRequest, hole: Hole
) -> CompletionPlan:
    """Plan the answer for a hole, with as much text as fits, nearest first.

    A completion is a hole with no suffix, unless the client wrote out the fill-in-the-middle
    tokens. An answer takes at most half of the window.
    """
    form = fim_format(model, spec)
    frame = None if request.is_infill or not form else read_frame(hole.prefix, form)
    if frame:
        names = frame.names
        request = replace(
            request,
            is_infill=True,
            filename=names.filename or request.filename,
            repository=names.repository or request.repository,
            extra_files=(*frame.documents, *request.extra_files),
        )
        hole = frame.hole
    if request.is_infill and not (Hole in model.spells or form):
        raise ApiError(400, f"{spec.name} was not trained to fill gaps", code="no_infill")
    wanted = DEFAULT_COMPLETION_TOKENS if request.max_tokens is None else request.max_tokens
    max_tokens = min(wanted, model.window // 2, MAX_ANSWER_TOKENS)
    at = len(hole.prefix)
    source = Source("", hole.prefix + hole.suffix)
    language = language_of(source, None, request.filename)
    infill = Infill(
        source,
        Span(at, at),
        spec,
        language,
        FileMetadata(request.filename or None, request.repository or None),
        max(max_tokens, 1),
        InfillOptions(
            fim=request.is_infill,
            stop=request.stop,
            raw=request.raw or not request.is_infill,
            reading_limit=reading_limit(request),
            seconds=request.time_limit,
            live=request.stream,
        ),
        ContextPool.of_documents(request.extra_files, language),
    )
    messages = CollectedMessages()
    prompt = infill.prompt(model, messages)

    def answer(asked: Model, sampling: Sampling) -> Stream:
        return infill.stream(asked, prompt, sampling)

    notes = (*messages.notes, *shorter_note(request, max_tokens, model.window))
    return CompletionPlan(answer, max_tokens, prompt.truncated, notes)


def plan_reply(
    model: Model, spec: ModelSpec, request: CompletionRequest, conversation: Conversation
) -> CompletionPlan:
    """Plan the answer to a conversation; raises ApiError if it does not fit as a whole.

    The answer may use whatever is left of the window.
    """
    replier, messages = ChatModel.of(model, spec), CollectedMessages()
    used = replier.cost((*conversation.opening(), *conversation.messages))
    room = min(max(model.window - used - 2 * PROMPT_OVERHEAD_TOKENS, 1), MAX_ANSWER_TOKENS)
    max_tokens = room if request.max_tokens is None else min(request.max_tokens, room)
    try:
        question = replier.prompt(conversation, max(max_tokens, 1), messages.note, strict=True)
    except DataError as error:
        raise ApiError(400, error.message, "messages", "context_length_exceeded") from error

    def answer(asked: Model, sampling: Sampling) -> Stream:
        return replace(replier, model=asked).stream(question, request.stop, sampling)

    notes = (*messages.notes, *shorter_note(request, max_tokens, model.window))
    return CompletionPlan(answer, max_tokens, notes=notes)


def reading_limit(request: CompletionRequest) -> ReadingLimit | None:
    """The client's limit on the time spent reading the text around a gap."""
    seconds = request.reading_limit if request.is_infill else None
    return None if seconds is None else ReadingLimit(seconds, "; t_max_prompt_ms allows more")


def shorter_note(request: CompletionRequest, max_tokens: int, window: int) -> tuple[str, ...]:
    """A note for the client if the answer must be shorter than requested."""
    if request.max_tokens is None or request.max_tokens <= max_tokens:
        return ()
    return (f"max_tokens is {max_tokens} here: prompt and answer share a window of {window}",)


def only_read(chunks: Stream) -> Stream:
    """Stop an answer where its first token would be, so that only the prompt is read."""
    with closing_source(chunks) as source:
        for chunk in source:
            is_read = bool(chunk.tokens or chunk.reason)
            yield replace(chunk, text="", tokens=0, reason="length" if is_read else None)
            if is_read:
                return
