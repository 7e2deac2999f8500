"""The commands as a library: an open model, whose answers are frozen values.

    import starcoder_cli

    with starcoder_cli.load("qwen2.5-coder-0.5b") as model:
        print(model.fill("def mean(values):\\n    ", "\\n").text)

It shares the commands' code: `fill` returns what `starcoder fill --json` prints. Nothing is
written to standard output; notes are part of an `Answer`.
"""

import threading
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TypedDict, Unpack

from starcoder_cli.app.answer_record import Answer
from starcoder_cli.app.defects import defect_notes
from starcoder_cli.app.deliver import OutputOptions
from starcoder_cli.app.edit import edit_task
from starcoder_cli.app.in_order import in_order, while_open
from starcoder_cli.app.open_model import open_model, resolve_endpoint
from starcoder_cli.app.request import CandidateOptions, EndpointOptions, Request
from starcoder_cli.app.task import Task, TaskRun, fill_task, unchanged
from starcoder_cli.catalog import DEFAULT_MODEL, ModelSpec
from starcoder_cli.context.reading_limit import ReadingLimit
from starcoder_cli.context.selection import ContextOptions
from starcoder_cli.files.read import STANDARD_INPUT
from starcoder_cli.files.source import Source, Span
from starcoder_cli.infill import InfillOptions
from starcoder_cli.loading import LoadOptions
from starcoder_cli.model import Conversation, Hole, Model, Question, Sampling
from starcoder_cli.reply import ChatModel
from starcoder_cli.settings import DtypeChoice, EngineChoice, FimOrder, LineMode, QuantizeChoice
from starcoder_cli.stream import Stream, collect
from starcoder_cli.terminal.output import CollectedMessages

QUIET = OutputOptions(quiet=True)
READING_LIMIT = ReadingLimit(way="; max_prompt_tokens reads more")


class ModelOptions(TypedDict, total=False):
    """How to open a model; each option matches the flag of the same name.

    `window` is how many tokens prompt and answer share (default 8192); `slots` is how many answers
    `batch` makes at a time (default 1). `keep_alive` is how many seconds a server keeps the model
    afterwards: 0, the default here, uses no server.
    """

    engine: EngineChoice
    quantize: QuantizeChoice
    device: str
    dtype: DtypeChoice
    adapter: str
    offline: bool
    endpoint: str
    fim: str
    api_key_file: str
    window: int
    slots: int
    keep_alive: float


class AnswerOptions(TypedDict, total=False):
    """How to make an answer; each option matches the flag of the same name.

    `candidates` is how many answers to make and choose the best from; `include` names extra files
    to read, `context` is how many seconds may be spent finding others.
    """

    max_tokens: int
    temperature: float
    top_p: float
    seed: int
    stop: tuple[str, ...]
    lines: LineMode
    raw: bool
    lang: str
    filename: str
    order: FimOrder
    strict_context: bool
    max_prompt_tokens: int
    include: tuple[str, ...]
    context: float
    candidates: int


class LoadedModel:
    """An open model: `complete`, `fill`, `edit` and `chat` return an `Answer`.

    Their `stream_…` variants yield it in chunks, and closing one stops the model. All raise errors
    of `starcoder_cli.errors`.
    """

    def __init__(self, model: Model, request: Request, load_seconds: float, slots: int) -> None:
        self._model = model
        self._request = request
        self._load_seconds = load_seconds
        self._slots = slots

    @property
    def spec(self) -> ModelSpec:
        """What the catalog or the endpoint says about the model."""
        return self._request.spec

    @property
    def engine(self) -> str:
        """The engine that runs the model."""
        return self._model.engine

    @property
    def window(self) -> int:
        """The maximum number of tokens that prompt and answer share."""
        return self._model.window

    def count(self, text: str) -> int:
        """Count the tokens of a text, as user text."""
        return self._model.count(text)

    def complete(self, prefix: str, suffix: str = "", **options: Unpack[AnswerOptions]) -> Answer:
        """Complete the prefix; the suffix is read too unless it is blank."""
        request = self._request_for(options, fim=False)
        return self._answer(*hole_source(Hole(prefix, suffix)), request, fill_task)

    def fill(self, prefix: str, suffix: str, **options: Unpack[AnswerOptions]) -> Answer:
        """Fill the gap between the prefix and the suffix."""
        request = self._request_for(options, fim=True)
        return self._answer(*hole_source(Hole(prefix, suffix)), request, fill_task)

    def edit(self, code: str, instruction: str, **options: Unpack[AnswerOptions]) -> Answer:
        """Rewrite the code to follow an instruction."""
        source, request = code_source(code), self._request_for(options, fim=False)
        task = partial(edit_task, instruction=instruction)
        return self._answer(source, source.whole_span(), request, task)

    def chat(self, question: str | Conversation, **options: Unpack[AnswerOptions]) -> Answer:
        """Answer a question, or the last one of a conversation."""
        messages = CollectedMessages()
        request = self._request_for(options, fim=False)
        replier, prompt = self._reply(question, request, messages)
        stop, sampling = request.infill.stop, request.sampling
        completion = collect(replier.stream(prompt, stop, sampling, is_live=False))
        answer = Answer.of(completion, self.spec, self.engine, request, self._load_seconds)
        return replace(answer, notes=tuple(messages.notes))

    def stream_complete(
        self, prefix: str, suffix: str = "", **options: Unpack[AnswerOptions]
    ) -> Stream:
        """Complete the prefix, chunk by chunk."""
        request = self._request_for(options, fim=False)
        return self._stream(*hole_source(Hole(prefix, suffix)), request, fill_task)

    def stream_fill(self, prefix: str, suffix: str, **options: Unpack[AnswerOptions]) -> Stream:
        """Fill the gap between the prefix and the suffix, chunk by chunk."""
        request = self._request_for(options, fim=True)
        return self._stream(*hole_source(Hole(prefix, suffix)), request, fill_task)

    def stream_edit(self, code: str, instruction: str, **options: Unpack[AnswerOptions]) -> Stream:
        """Rewrite the code, chunk by chunk."""
        source, request = code_source(code), self._request_for(options, fim=False)
        task = partial(edit_task, instruction=instruction)
        return self._stream(source, source.whole_span(), request, task)

    def stream_chat(self, question: str | Conversation, **options: Unpack[AnswerOptions]) -> Stream:
        """Answer the question, chunk by chunk."""
        request = self._request_for(options, fim=False)
        replier, prompt = self._reply(question, request, CollectedMessages())
        return replier.stream(prompt, request.infill.stop, request.sampling)

    def batch(
        self, holes: Iterable[Hole], **options: Unpack[AnswerOptions]
    ) -> Generator[Answer, None, None]:
        """Fill the holes in order, making `slots` answers at a time.

        Closing the generator stops the model. A hole's error is raised when its turn comes.
        """
        request, closed = self._request_for(options, fim=True), threading.Event()
        through = partial(while_open, closed=closed)

        def answer(hole: Hole) -> Answer:
            return self._answer(*hole_source(hole), request, fill_task, through)

        return in_order(answer, holes, self._slots, closed)

    def _request_for(self, options: AnswerOptions, *, fim: bool) -> Request:
        usual = Sampling()
        sampling = Sampling(
            options.get("max_tokens", usual.max_tokens),
            options.get("temperature", usual.temperature),
            options.get("top_p", usual.top_p),
            options.get("seed"),
        )
        infill = InfillOptions(
            fim=fim,
            stop=options.get("stop", ()),
            order=options.get("order", "psm"),
            lines=options.get("lines", "auto"),
            raw=options.get("raw", False),
            strict_context=options.get("strict_context", False),
            prompt_tokens=options.get("max_prompt_tokens"),
            reading_limit=None if options.get("strict_context") else READING_LIMIT,
        )
        filename = options.get("filename")
        context = ContextOptions(options.get("include", ()), options.get("context", 0.0), filename)
        request = replace(
            self._request,
            sampling=sampling,
            infill=infill,
            lang=options.get("lang"),
            filename=filename,
            context=context,
            candidates=CandidateOptions.of(options.get("candidates"), None, False, None),
        )
        return request.with_random_seed()

    def _answer(
        self,
        source: Source,
        span: Span,
        request: Request,
        make_task: Callable[[Source, Span, Request, CollectedMessages], Task],
        through: Callable[[Stream], Stream] = unchanged,
    ) -> Answer:
        messages = CollectedMessages()
        run = TaskRun(source, span, request, QUIET)
        task = make_task(source, span, request, messages)
        prompt = task.prompt(self._model, messages)
        run.generate(self._model, task, prompt, request, through=through)
        answer = run.answer(request, self.engine, self._load_seconds)
        notes = (*messages.notes, *defect_notes(task, source, span, run.choose(), request))
        return replace(answer, notes=notes)

    def _stream(
        self,
        source: Source,
        span: Span,
        request: Request,
        make_task: Callable[[Source, Span, Request, CollectedMessages], Task],
    ) -> Stream:
        messages = CollectedMessages()
        request = replace(request, infill=replace(request.infill, live=True))
        task = make_task(source, span, request, messages)
        prompt = task.prompt(self._model, messages)
        return task.stream(self._model, prompt, request.sampling)

    def _reply(
        self, question: str | Conversation, request: Request, messages: CollectedMessages
    ) -> tuple[ChatModel, Question]:
        conversation = (
            Conversation().with_question(question) if isinstance(question, str) else question
        )
        replier = ChatModel.of(self._model, self.spec)
        strict, most = request.infill.strict_context, request.sampling.max_tokens
        return replier, replier.prompt(conversation, most, messages.note, strict=strict)


def hole_source(hole: Hole) -> tuple[Source, Span]:
    """The text around a hole, and the position of the hole in it."""
    at = len(hole.prefix)
    return code_source(hole.prefix + hole.suffix), Span(at, at)


def code_source(code: str) -> Source:
    """A source for code that is not in a file."""
    return Source(STANDARD_INPUT, code)


@contextmanager
def load(
    model: str = DEFAULT_MODEL, **options: Unpack[ModelOptions]
) -> Generator[LoadedModel, None, None]:
    """Open a model: a catalog name, a GGUF file, a checkpoint folder, a hub id, or `echo`.

    It is downloaded if missing and closed at the end of the `with` block. Raises the same errors as
    the commands, such as InputError for a missing model.
    """
    request = Request(
        model=model,
        sampling=Sampling(),
        offline=options.get("offline", False),
        loading=LoadOptions(
            options.get("quantize", "auto"),
            options.get("device", "auto"),
            options.get("dtype", "auto"),
            options.get("adapter", ""),
            options.get("engine", "auto"),
        ),
        keep_alive=options.get("keep_alive", 0.0),
        endpoint=EndpointOptions(
            options.get("endpoint", ""), options.get("fim", ""), options.get("api_key_file", "")
        ),
    )
    messages, slots = QUIET.messages, options.get("slots", 1)
    begin, window = time.perf_counter(), options.get("window", 8192)
    request = resolve_endpoint(request, messages)
    with open_model(request, window, messages, slots) as opened:
        yield LoadedModel(opened, request, round(time.perf_counter() - begin, 3), slots)
