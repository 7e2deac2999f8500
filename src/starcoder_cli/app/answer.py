"""From a source and a place in it to an answer: what `complete` and `fill` share."""

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from typing import TypeAlias

from starcoder_cli.app.attribution import Account
from starcoder_cli.app.candidates import Selection, replayed
from starcoder_cli.app.deliver import Look, choose_view, prepare
from starcoder_cli.app.fill import Gap, Question, named_language
from starcoder_cli.app.open_model import opened, reached
from starcoder_cli.app.request import Request
from starcoder_cli.catalog import ModelSpec
from starcoder_cli.files.source import Source, Span
from starcoder_cli.loading import Work
from starcoder_cli.model import Prompt
from starcoder_cli.stream import Completion, Stream, join
from starcoder_cli.terminal.output import Messages, View, standard_output, write_json

Ask: TypeAlias = Callable[[Source, Span, Request, Messages], Question]


def answer(source: Source, span: Span, request: Request, look: Look, ask: Ask = Gap.of) -> None:
    """Ask about a range of a source, show the answer while it is made, and deliver it."""
    standard_output()
    request, messages = request.sampled(), look.messages
    language, shows = named_language(request, source), look.show_prompt
    delivery = None if shows else prepare(source, span, look, language.lexer, request.filename)
    account = Account.of(request, source, span, language)
    several = request.several.wanted
    selection = Selection(request.several, source, span, language, look)
    begin = time.perf_counter()
    request = reached(request, messages)
    spec, question = request.spec, ask(source, span, request, messages)
    account = account.by(spec)
    work = Work.of([question.room], request.sampling.max_tokens, request.several.n)
    with opened(spec, question.room, request, messages, work) as model:
        load_seconds = time.perf_counter() - begin
        prompt, reading = question.prompt(model)
        if not delivery:
            show_prompt(prompt, look)
            return
        messages.status(f"{spec.name} is reading …")
        view = choose_view(source, span, language.lexer, look)
        stream = account.asking(partial(question.stream, model, prompt))
        if several:
            selection.ask(stream, request.sampling)
        else:
            with closing(stream(request.sampling)) as ending:
                completion = show(ending, view, messages)
    if several:
        completion = selection.choose()
    told = {**record(completion, spec, model.engine, request, load_seconds), **selection.record()}
    told |= {"trimmed": list(completion.trimmed), "context": reading.record()}
    if not selection.passed:
        if look.json:
            write_json(told)
        raise selection.failure()
    if several:
        show(replayed(completion), view, messages)
    if not completion.text:
        messages.note(f"{spec.name} has nothing to add here")
    told |= account.record(completion.text, messages)
    question.learn(completion)
    if question.replaces and completion.reason == "length":
        delivery = delivery.withheld()
    delivery.deliver(completion.text, told)


def show(chunks: Stream, view: View, messages: Messages) -> Completion:
    """The whole answer, shown while it arrives; the status line makes way for the first of it."""
    begun = False

    def appear(text: str) -> None:
        nonlocal begun
        if not begun:
            begun = True
            messages.status("")
            view.begin()
        view.show(text)

    try:
        completion = join(chunks, appear)
        if not begun:
            appear("")
    except BaseException:  # Ctrl-C and signals too: what was printed stays as it is
        if begun:
            view.abandon()
        else:
            messages.status("")
        raise
    view.close()
    return completion


def show_prompt(prompt: Prompt, look: Look) -> None:
    """What the model would read, as bytes or at a terminal as text."""
    nowhere = Source("", "")
    view = choose_view(nowhere, nowhere.end(), "text", Look(color=look.color))
    view.show("".join((*prompt.pieces, prompt.begun)))
    view.close()


def record(
    completion: Completion,
    spec: ModelSpec,
    engine: str,
    request: Request,
    load_seconds: float = 0.0,
) -> Mapping[str, object]:
    """An answer as a JSON object; the names are those of the flags and of the wire."""
    return {
        "text": completion.text,
        "reason": completion.reason,
        "tokens": {
            "prompt": completion.prompt_tokens,
            "cached": completion.cached_tokens,
            "completion": completion.tokens,
        },
        "seconds": {
            "load": round(load_seconds, 3),
            "first_token": round(completion.first_token_seconds, 3),
            "total": round(load_seconds + completion.seconds, 3),
        },
        "model": spec.name,
        "engine": engine,
        "seed": request.sampling.seed,
    }
