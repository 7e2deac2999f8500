"""A place in a source that an answer is asked for."""

from dataclasses import dataclass
from typing import Protocol

from starcoder_cli import languages
from starcoder_cli.app.context import NOTHING, Reading, Shelf, Space, shelve
from starcoder_cli.app.request import Request
from starcoder_cli.catalog import ModelSpec
from starcoder_cli.errors import DataError
from starcoder_cli.files.source import Hole, Names, Source, Span, names_of
from starcoder_cli.languages import Language
from starcoder_cli.model import Model, Prompt, Sampling
from starcoder_cli.postprocess.trim import choose_lines, filled, trimmed
from starcoder_cli.prompts.build import MARGIN, Around, fim_format, near, room, spelled
from starcoder_cli.prompts.fim import solution
from starcoder_cli.settings import Lines
from starcoder_cli.stream import Completion, Stream, after, until, with_newline
from starcoder_cli.terminal.output import Messages


class Question(Protocol):
    """What is asked of a model about a range of a source, once it is open."""

    @property
    def replaces(self) -> bool:
        """Whether an answer that was cut off would lose code."""

    @property
    def room(self) -> int:
        """How many tokens are surely enough for the prompt and the answer."""

    def prompt(self, model: Model) -> tuple[Prompt, Reading]:
        """What the model reads, and which other files are part of it."""

    def stream(self, model: Model, prompt: Prompt, sampling: Sampling) -> Stream:
        """The answer that takes the place of the range."""

    def learn(self, completion: Completion) -> None:
        """Remember what the answer tells about the next one."""


@dataclass(frozen=True)
class Gap:
    """A hole to write for; `lead` is white space that any answer begins with."""

    source: Source
    span: Span
    request: Request
    messages: Messages
    spec: ModelSpec
    hole: Hole
    lead: str
    language: Language
    names: Names
    shelf: Shelf

    @classmethod
    def of(cls, source: Source, span: Span, request: Request, messages: Messages) -> "Gap":
        """What is asked about a range of a source, with the files to read along."""
        lead, language = source.indentation(span), named_language(request, source)
        hole = source.cut(Span(span.start + len(lead), span.end))
        names = Names(request.filename) if request.filename else names_of(source.name)
        if request.prompted:
            hole, names = solution(hole, language)
        spec = request.spec
        shelf = shelve(source, hole, language, spec, request.wish, messages)
        return cls(source, span, request, messages, spec, hole, lead, language, names, shelf)

    @property
    def replaces(self) -> bool:
        """What stands in a hole is to go anyway."""
        return False

    @property
    def room(self) -> int:
        """The hole, the answer, and what is read along."""
        return room(self.hole, self.request.sampling.max_tokens) + self.shelf.room

    def prompt(self, model: Model) -> tuple[Prompt, Reading]:
        """The prompt for the hole, and which of the files on the shelf are part of it."""
        request, form = self.request, fim_format(model, self.spec)
        most = request.sampling.max_tokens
        space = Space(room(self.hole, most), most + MARGIN)
        reading = self.shelf.read(model, self.hole, space, form, request.strict_context)
        self.shelf.explain(reading, self.messages)
        prompt = compose(model, self.spec, self.hole, self.names, request, self.messages, reading)
        return prompt, reading

    def stream(self, model: Model, prompt: Prompt, sampling: Sampling) -> Stream:
        """The answer that belongs in the place, or as the model writes it where that is asked."""

        def asked(each: Sampling) -> Stream:
            return until(model.stream(prompt, each), self.request.stop)

        around = self.hole, self.language, self._lines
        if self.request.verbatim:
            chunks = asked(sampling)
        elif self.request.once:
            chunks = after(self.lead, trimmed(asked(sampling), *around))
        else:
            chunks = after(self.lead, filled(asked, sampling, *around))
        return with_newline(chunks, self.source.newline)

    @property
    def _lines(self) -> Lines:
        inside = self.source.inside_line(self.span)
        asked = self.request.lines
        return choose_lines(self.hole, inside_line=inside) if asked == "auto" else asked

    def learn(self, completion: Completion) -> None:
        """How fast the model reads."""
        self.shelf.learn(self.spec, completion)


def named_language(request: Request, source: Source) -> Language:
    """The language that was asked for, or that the file's name or first line tells."""
    if request.lang:
        return languages.find(request.lang)
    name = request.filename or source.name
    return languages.detect(name, source.raw[:200]) or languages.find("text")


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

    A hole with nothing behind it is the beginning of a text, unless `fills` says it is a gap. The
    name of a solution file is told to every model that was trained to read names.
    """
    form = fim_format(model, spec)
    told = spec.metadata or request.prompted
    gap = request.fills or bool(hole.suffix.strip())
    hole = hole if gap and form else Hole(hole.prefix)
    hole = fitted(model, hole, request, messages, reading.tokens)
    if gap and not form:
        messages.note(
            f"{spec.name} was not trained to fill gaps: it continues what comes before, "
            "and does not read what comes after"
        )
    around = Around(names, told, reading.files, reading.language)
    return spelled(form, hole, around, request.order if gap else None)


def fitted(model: Model, hole: Hole, request: Request, messages: Messages, taken: int = 0) -> Hole:
    """What of the hole fits the model's window, of which so much is taken; says what was left out.

    Raises DataError where that is not wanted, UsageError where the answer alone is too long.
    """
    kept, budget = near(model, hole, request.sampling.max_tokens, taken)
    if kept == hole:
        return hole
    lost = left_out(hole.prefix, kept.prefix), left_out(hole.suffix, kept.suffix)
    what = f"the text is longer than the {budget} tokens that the model can read"
    if request.strict_context:
        raise DataError(what, "shorten it, or leave --strict-context away")
    messages.note(f"{what}: left out {lost[0]} at the beginning and {lost[1]} at the end")
    return kept


def left_out(whole: str, kept: str) -> str:
    """How much of a text is missing, for people."""
    lines = whole.count("\n") - kept.count("\n")
    return f"{lines} lines" if lines else f"{len(whole) - len(kept)} characters"
