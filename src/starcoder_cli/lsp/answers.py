"""A model's answers for an editor: the same code path as the commands, in a separate thread."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial

from starcoder_cli.app.defects import find_damage, find_defect
from starcoder_cli.app.deliver import OutputOptions
from starcoder_cli.app.edit import edit_max_tokens, edit_task
from starcoder_cli.app.open_model import SERVER_NOTE, open_model, resolve_endpoint
from starcoder_cli.app.request import CandidateOptions, Request
from starcoder_cli.app.task import Task, TaskRun, fill_task
from starcoder_cli.context.gather import remove_overlaps
from starcoder_cli.errors import DataError, StarcoderError
from starcoder_cli.files.secrets import may_hold_secret
from starcoder_cli.files.source import MAX_SOURCE_BYTES, Source, Span
from starcoder_cli.infill import Infill
from starcoder_cli.lsp.options import EditorOptions
from starcoder_cli.lsp.workspace import OpenText, snippets_of, texts_of_project
from starcoder_cli.net.cancellation import Cancellation, cancelled_by
from starcoder_cli.stream import Stream
from starcoder_cli.terminal.output import CollectedMessages, Messages
from starcoder_cli.terminal.sanitize import find_unsafe_characters

QUIET = OutputOptions(quiet=True)
SECRET_NOTE = "looks as if it held a secret: the endpoint is not asked to complete it"


@dataclass(frozen=True)
class Question:
    """A range of a document to ask about, and what else the client has open.

    `name` is the document's name for people.
    """

    source: Source
    span: Span
    language: str | None = None
    others: tuple[OpenText, ...] = ()
    name: str = ""


@dataclass(frozen=True)
class Answers:
    """A model's answers, best first, with notes for people."""

    texts: tuple[str, ...]
    model: str
    notes: tuple[str, ...] = ()


def complete(
    question: Question, options: EditorOptions, is_invoked: bool, cancellation: Cancellation
) -> Answers:
    """Complete at a place: several answers if a person asked for them, else one.

    An endpoint is not asked about a document that may hold a secret.

    Raises AbandonedError once it is cancelled, and the same errors as a command.
    """
    request, infill = options.request, options.request.infill
    if request.endpoint.endpoint and may_hold_secret(question.name, question.source.raw):
        return Answers((), "", (f"{question.name} {SECRET_NOTE}",))
    if not is_invoked:
        infill = replace(infill, seconds=options.writing_seconds)
        request = replace(request, candidates=CandidateOptions())
    request = replace(request, infill=infill, lang=question.language)

    def make_task(asked: Request, messages: Messages) -> Task:
        task = fill_task(question.source, question.span, asked, messages)
        return with_others(task, question, asked)

    return ask(question, request, make_task, cancellation)


def edit(
    question: Question, options: EditorOptions, instruction: str, cancellation: Cancellation
) -> Answers:
    """Rewrite a range of code to follow an instruction.

    Raises AbandonedError once it is cancelled, and the same errors as a command.
    """
    most = edit_max_tokens(question.span.end - question.span.start)
    request = replace(options.request, lang=question.language, candidates=CandidateOptions())
    make_task = partial(edit_task, question.source, question.span, instruction=instruction)
    return ask(question, request.with_max_tokens(most), make_task, cancellation)


def with_others(task: Infill, question: Question, request: Request) -> Infill:
    """Add other open documents to a hole, ahead of other context found.

    An endpoint gets no document whose file it would not get.
    """
    pool, others = task.context, question.others
    if not pool.budget or not others:
        return task
    if request.resolved_endpoint:
        others = texts_of_project(others, question.source.name)
    wanted = snippets_of(others, task.hole)
    found = remove_overlaps((*pool.requested, *wanted, *pool.discovered))
    return task.with_context(replace(pool, discovered=found[len(pool.requested) :]))


def ask(
    question: Question,
    request: Request,
    make_task: Callable[[Request, Messages], Task],
    cancellation: Cancellation,
) -> Answers:
    """Ask a model; raises DataError if an answer that replaces code is defective."""
    with cancelled_by(cancellation):
        try:
            return ask_model(question, request, make_task, cancellation)
        except StarcoderError:
            cancellation.check()  # errors after a cancellation do not count
            raise


def ask_model(
    question: Question,
    request: Request,
    make_task: Callable[[Request, Messages], Task],
    cancellation: Cancellation,
) -> Answers:
    """Ask a model, whose answer may be cancelled at any time."""
    source, messages = question.source, CollectedMessages()
    if len(source.raw) > MAX_SOURCE_BYTES:
        raise DataError(f"{source.display_name} is too large", "split it up")
    cancellation.check()
    request = resolve_endpoint(request.with_random_seed(), messages)
    run = TaskRun(source, question.span, request, QUIET)
    task = make_task(request, messages)
    with open_model(request, task.window, messages, server_only=True) as model:
        prompt = task.prompt(model, messages)
        through = partial(until_cancelled, cancellation=cancellation)
        run.generate(model, task, prompt, request, through=through)
        completion, answer = run.choose(), run.answer(request, model.engine)
        task.learn(completion, model.engine)
    defect = find_defect(task, source, question.span, completion, request)
    if defect and task.replaces_code:
        raise DataError(defect.problem, "select less of the code, or ask again")
    texts = [str(each["text"]) for each in answer.candidates or [{"text": answer.text}]]
    seen = [
        text
        for text in texts
        if not find_unsafe_characters(text, source.raw)
        and not find_damage(text, source.raw, request)
    ]
    if texts and not seen:
        problem = "the answer has characters that nobody would see, or that broke on their way"
        raise DataError(problem, "ask again")
    said = tuple(dict.fromkeys(text for text in seen if text))
    notes = tuple(note for note in messages.notes if note != SERVER_NOTE)
    return Answers(said, request.spec.name, notes)


def until_cancelled(chunks: Stream, cancellation: Cancellation) -> Stream:
    """Pass the chunks on until cancelled, then raise AbandonedError."""
    with closing(chunks):
        for chunk in chunks:
            cancellation.check()
            yield chunk
