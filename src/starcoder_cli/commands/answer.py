"""From a source and a place in it to an answer: what `complete` and `fill` share."""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial

from starcoder_cli.backends import foresee, open_model
from starcoder_cli.catalog import ModelSpec, find
from starcoder_cli.commands.delivery import prepare
from starcoder_cli.commands.fetch import fetch
from starcoder_cli.commands.question import Question
from starcoder_cli.commands.reading import NOTHING, Reading, Space, shelve
from starcoder_cli.commands.request import Request
from starcoder_cli.commands.several import Selection, replayed
from starcoder_cli.commands.view import Look, choose_view
from starcoder_cli.errors import DataError, UsageError
from starcoder_cli.families import FORMATS, detect
from starcoder_cli.loading import Loading
from starcoder_cli.model import Model
from starcoder_cli.output import Messages, View, standard_output, write_json
from starcoder_cli.prompt import NAMELESS, FimFormat, Prompt
from starcoder_cli.source import Hole, Names, Source, Span
from starcoder_cli.stream import Completion, Stream, join
from starcoder_cli.window import fit

MARGIN = 32  # tokens for control tokens and file names in a prompt


def answer(source: Source, span: Span, request: Request, look: Look) -> None:
    """Ask for what belongs in a range of a source, show it while it is made, and deliver it."""
    standard_output()
    request = request.sampled()
    question = Question.of(source, span, request)
    hole, language = question.hole, question.language
    shows = look.show_prompt
    delivery = None if shows else prepare(source, span, look, language.lexer, request.filename)
    spec, messages = find(request.model), look.messages
    selection = Selection(request.several, source, span, language, look)
    begin = time.perf_counter()
    shelf = shelve(source, hole, language, spec, request.wish, messages)
    space = Space(room(hole, request), request.sampling.max_tokens + MARGIN)
    with opened(spec, space.needed + shelf.room, request, messages) as model:
        load_seconds = time.perf_counter() - begin
        form = fim_format(model, spec)
        reading = shelf.read(model, hole, space, form, request.strict_context)
        shelf.explain(reading, messages)
        prompt = compose(model, spec, hole, question.names, request, messages, reading)
        if not delivery:
            show_prompt(prompt, look)
            return
        messages.status(f"{spec.name} is reading …")
        view = choose_view(source, span, language.lexer, look)
        stream = partial(question.stream, model, prompt, request)
        if request.several.wanted:
            selection.ask(stream, request.sampling)
        else:
            with closing(stream(request.sampling)) as ending:
                completion = show(ending, view, messages)
    if request.several.wanted:
        completion = selection.choose()
    told = {**record(completion, spec, request, load_seconds), **selection.record()}
    told |= {"trimmed": list(completion.trimmed), "context": reading.record()}
    if not selection.passed:
        if look.json:
            write_json(told)
        raise selection.failure()
    if request.several.wanted:
        show(replayed(completion), view, messages)
    if not completion.text:
        messages.note(f"{spec.name} has nothing to add here")
    shelf.learn(spec, completion)
    delivery.deliver(completion.text, told)


@contextmanager
def opened(spec: ModelSpec, room: int, request: Request, messages: Messages) -> Iterator[Model]:
    """A model, fetched where it is not here, loaded with room for so many tokens."""
    if spec.engine == "llamacpp" and request.loading != Loading():
        messages.note(f"{spec.name} is a GGUF file: --quantize, --device, --dtype do not touch it")
    path = fetch(spec, messages, lambda: foresee(spec, room, request.loading), request.offline)
    messages.status(f"loading {spec.name} …")
    try:
        model = open_model(spec, path, room, request.loading, messages.detail)
    finally:
        messages.status("")
    with closing(model):
        yield model


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
    view.show("".join(prompt.pieces))
    view.close()


def room(hole: Hole, request: Request) -> int:
    """A window that is surely large enough: no text has more tokens than it has bytes."""
    text = len(hole.prefix.encode()) + len(hole.suffix.encode())
    return text + request.sampling.max_tokens + MARGIN


def compose(
    model: Model,
    spec: ModelSpec,
    hole: Hole,
    names: Names,
    request: Request,
    messages: Messages,
    reading: Reading = NOTHING,
) -> Prompt:
    """The prompt for a hole, in the spelling of the model's family.

    A hole with nothing behind it is the beginning of a text, unless `fills` says it is a gap.
    """
    form, files = fim_format(model, spec), reading.files
    together = bool(form and form.together and files)
    names = reading.named(names) if together else names if spec.metadata else NAMELESS
    gap = request.fills or bool(hole.suffix.strip())
    hole = hole if gap and form else Hole(hole.prefix)
    hole = fitted(model, hole, request, messages, reading.tokens)
    hole = hole if together else reading.behind(hole)
    if form and gap:
        return form.prompt(hole, names, request.order, files)
    if gap:
        messages.note(
            f"{spec.name} was not trained to fill gaps: it continues what comes before, "
            "and does not read what comes after"
        )
    return form.beginning(hole.prefix, names, files) if form else Prompt((hole.prefix,))


def fim_format(model: Model, spec: ModelSpec) -> FimFormat | None:
    """The spelling that the catalog names, or the one that the model's own tokenizer knows."""
    form = FORMATS[spec.fim] if spec.fim else None
    if form and all(model.token(token) is not None for token in form.specials()):
        return form
    return detect(model.token, spec.name)


def fitted(model: Model, hole: Hole, request: Request, messages: Messages, taken: int = 0) -> Hole:
    """What of the hole fits the model's window, of which so much is taken; says what was left out.

    Raises DataError where that is not wanted, UsageError where the answer alone is too long.
    """
    if room(hole, request) + taken <= model.window:
        return hole
    budget = model.window - request.sampling.max_tokens - MARGIN - taken
    if budget < MARGIN:
        raise UsageError(
            f"{request.sampling.max_tokens} tokens of answer leave no room to read anything",
            f"the model's window is {model.window}: lower --max-tokens",
        )
    near = fit(hole, budget, model.count)
    if near == hole:
        return hole
    lost = left_out(hole.prefix, near.prefix), left_out(hole.suffix, near.suffix)
    what = f"the text is longer than the {budget} tokens that the model can read"
    if request.strict_context:
        raise DataError(what, "shorten it, or leave --strict-context away")
    messages.note(f"{what}: left out {lost[0]} at the beginning and {lost[1]} at the end")
    return near


def left_out(whole: str, kept: str) -> str:
    """How much of a text is missing, for people."""
    lines = whole.count("\n") - kept.count("\n")
    return f"{lines} lines" if lines else f"{len(whole) - len(kept)} characters"


def record(
    completion: Completion, spec: ModelSpec, request: Request, load_seconds: float
) -> Mapping[str, object]:
    """An answer as a JSON object; the names are those of the flags and of the wire."""
    return {
        "text": completion.text,
        "reason": completion.reason,
        "tokens": {"prompt": completion.prompt_tokens, "completion": completion.tokens},
        "seconds": {
            "load": round(load_seconds, 3),
            "first_token": round(completion.first_token_seconds, 3),
            "total": round(load_seconds + completion.seconds, 3),
        },
        "model": spec.name,
        "seed": request.sampling.seed,
    }
