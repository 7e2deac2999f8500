"""From a source and a place in it to an answer: what `complete`, `fill` and `edit` share."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from starcoder_cli.app.candidates import replay
from starcoder_cli.app.defects import find_defect
from starcoder_cli.app.deliver import OutputOptions, choose_view, plan_delivery
from starcoder_cli.app.open_model import open_model, resolve_endpoint
from starcoder_cli.app.request import Request
from starcoder_cli.app.task import Task, TaskRun, fill_task
from starcoder_cli.errors import DataError
from starcoder_cli.files.links import note_file_read
from starcoder_cli.files.source import Source, Span
from starcoder_cli.infill import language_of
from starcoder_cli.model import Question
from starcoder_cli.stream import Completion, Stream, closing_source, collect
from starcoder_cli.terminal.output import Messages, View, standard_output, write_json

MakeTask: TypeAlias = Callable[[Source, Span, Request, Messages], Task]


def run_answer(
    source: Source,
    span: Span,
    request: Request,
    output: OutputOptions,
    make_task: MakeTask = fill_task,
) -> None:
    """Ask about a range of a source, show the answer as it arrives, and deliver it."""
    standard_output()
    output = replace(output, whole=output.echo and source.document != source.raw)
    request, messages = request.with_random_seed(), output.messages
    lexer = language_of(source, request.lang, request.filename).lexer
    delivery = None
    if not output.show_prompt:
        delivery = plan_delivery(source, span, output, lexer, request.filename)
    note_file_read(source.name, messages.note)
    run = TaskRun(source, span, request, output)
    live = output.streams and output.draws and not run.selects
    request = replace(request, infill=replace(request.infill, live=live))
    begin = time.perf_counter()
    request = resolve_endpoint(request, messages)
    spec, task = request.spec, make_task(source, span, request, messages)
    with open_model(request, task.window, messages) as model:
        load_seconds = time.perf_counter() - begin
        prompt = task.prompt(model, messages)
        if not delivery:
            show_prompt(prompt.question, output)
            return
        messages.show_status(f"{spec.name} is reading …")
        view = choose_view(source, span, lexer, output)
        run.generate(
            model, task, prompt, request, lambda chunks: show_stream(chunks, view, messages)
        )
    completion = run.choose()
    result = run.answer(request, model.engine, load_seconds)
    if run.failure:
        if output.json:
            write_json(result.record())
        raise run.failure
    if run.selects:
        show_stream(replay(completion), view, messages)
    if not completion.text:
        silence = explain_silence(spec.name, completion)
        if task.replaces_code and not output.json:
            raise DataError(silence or f"{spec.name} wrote no code", "ask again, or another model")
        messages.note(silence or f"{spec.name} {describe_nothing(completion)}")
    result = run.with_notices(result, messages)
    task.learn(completion, model.engine)
    if defect := find_defect(task, source, span, completion, request):
        delivery = replace(delivery, defect=defect.error if defect.kept_out else None)
        if defect.note and not (output.json or delivery.refuses):
            messages.note(defect.note)
    delivery.deliver(completion.text, result.record())


def explain_silence(name: str, completion: Completion) -> str:
    """Explain why an answer is empty if the model has only thought; empty if it has not."""
    if not completion.reasoning_content:
        return ""
    if completion.reason == "length":
        return (
            f"{name} spent all of its {completion.tokens} tokens on thinking: "
            "--max-tokens allows more"
        )
    return f"{name} thought about it, and answered nothing"


def describe_nothing(completion: Completion) -> str:
    """What a model did whose answer is empty."""
    is_cut = bool(completion.trimmed)
    return "wrote nothing that fits: --raw shows it" if is_cut else "returned an empty completion"


def show_stream(chunks: Stream, view: View, messages: Messages) -> Completion:
    """Show an answer as it arrives, clearing the status line first, and return all of it."""
    visible = False

    def watched() -> Stream:
        with closing_source(chunks) as source:
            for chunk in source:
                if chunk.reasoning_content and not visible:
                    messages.show_status("thinking …")
                yield chunk

    def appear(text: str) -> None:
        nonlocal visible
        if not visible:
            visible = True
            messages.show_status("")
            view.begin()
        view.show(text)

    try:
        completion = collect(watched(), appear)
        if not visible:
            appear("")
    except BaseException:  # Ctrl-C and signals too: what was printed stays as it is
        if visible:
            view.abandon()
        else:
            messages.show_status("")
        raise
    view.close()
    return completion


def show_prompt(question: Question, output: OutputOptions) -> None:
    """Show what the model would read, as bytes or at a terminal as text."""
    nowhere = Source("", "")
    view = choose_view(nowhere, nowhere.end_span(), "text", OutputOptions(color=output.color))
    view.show(str(question))
    view.close()
