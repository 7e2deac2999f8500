"""From what a client asks to what a model reads for it, and to the answer that belongs there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from starcoder_cli import languages
from starcoder_cli.catalog import ModelSpec
from starcoder_cli.errors import DataError
from starcoder_cli.files.source import Hole, Names, Source, Span
from starcoder_cli.model import Model, Prompt, Sampling, Special
from starcoder_cli.postprocess.trim import choose_lines, filled
from starcoder_cli.prompts.build import MARGIN, Around, fim_format, near, spelled
from starcoder_cli.prompts.chat import Conversation, fit
from starcoder_cli.prompts.chat_formats import choose
from starcoder_cli.prompts.fim import Document
from starcoder_cli.stream import Stream, timely, unspaced, until, with_newline
from starcoder_cli.wire.errors import ApiError
from starcoder_cli.wire.requests import Asked


@dataclass(frozen=True)
class Question:
    """What a model is asked: `answer` begins one; `cut` says that it does not read all of it."""

    answer: Callable[[Sampling], Stream]
    cut: bool = False


def pose(model: Model, spec: ModelSpec, asked: Asked) -> Question:
    """What a model is asked for a client.

    Raises ApiError for what it cannot read or was not trained to do.
    """
    most = asked.sampling.max_tokens
    if most + 2 * MARGIN > model.window:
        raise ApiError(
            400,
            f"{most} tokens of answer leave no room to read: the window has {model.window}",
            "max_tokens",
            "context_length_exceeded",
        )
    if isinstance(asked.subject, Conversation):
        return talk(model, spec, asked, asked.subject)
    return gap(model, spec, asked, asked.subject)


def gap(model: Model, spec: ModelSpec, asked: Asked, given: Hole) -> Question:
    """What is asked about a hole: as much as fits, nearest to it first.

    A completion is a hole with nothing behind it.
    """
    form = fim_format(model, spec)
    if asked.fills and not form:
        raise ApiError(400, f"{spec.name} was not trained to fill gaps", code="no_infill")
    source = Source("", given.prefix + given.suffix)
    span = Span(len(given.prefix), len(given.prefix))
    whole = source.cut(span)
    language = languages.detect(asked.filename, source.raw[:200]) or languages.find("text")
    most = asked.sampling.max_tokens
    files, taken = along(model, asked.files, (model.window - most) // 2)
    hole, _ = near(model, whole, most, taken)
    around = Around(Names(asked.filename or None), spec.metadata, files, language)
    prompt = spelled(form, hole, around, "psm" if asked.fills else None)

    def made(sampling: Sampling) -> Stream:
        chunks: Stream = until(model.stream(prompt, sampling), asked.stop)
        return chunks if asked.seconds is None else timely(chunks, asked.seconds)

    def answer(sampling: Sampling) -> Stream:
        plain = asked.raw or spec.engine == "echo"
        lines = choose_lines(whole, inside_line=source.inside_line(span))
        chunks = made(sampling) if plain else filled(made, sampling, whole, language, lines)
        return with_newline(chunks, source.newline)

    return Question(answer, hole != whole or len(files) < len(asked.files))


def along(model: Model, files: Sequence[Document], budget: int) -> tuple[tuple[Document, ...], int]:
    """The last of the files that cost at most `budget` tokens together, and what they cost."""
    kept: list[Document] = []
    taken = 0
    for file in reversed(files):
        cost = model.count(file.text) + MARGIN
        if taken + cost > budget:
            break
        kept.insert(0, file)
        taken += cost
    return tuple(kept), taken


def talk(model: Model, spec: ModelSpec, asked: Asked, given: Conversation) -> Question:
    """What is asked with a conversation; ApiError where not all of it fits: nothing is left out."""
    form = choose(spec.chat, spec.name, model.chat_template, model.token)
    budget = model.window - asked.sampling.max_tokens - MARGIN
    try:
        fits = fit(given, form, budget, model.count) == given
    except DataError:
        fits = False
    if not fits:
        raise ApiError(
            400,
            f"the messages are longer than the {budget} tokens that the model can read",
            "messages",
            "context_length_exceeded",
        )
    prompt = form.prompt(given)
    words = tuple(stop for stop in prompt.stop if not isinstance(stop, Special))
    return Question(partial(said, model, prompt, (*words, *asked.stop), form.spaced))


def said(
    model: Model, prompt: Prompt, stops: tuple[str, ...], spaced: bool, sampling: Sampling
) -> Stream:
    """An answer in a conversation."""
    chunks = until(model.stream(prompt, sampling), stops)
    return unspaced(chunks) if spaced else chunks
