"""What `complete` and `fill` are asked: of which model, and for which place in a source."""

import os
from dataclasses import dataclass, replace

from starcoder_cli import languages
from starcoder_cli.catalog import find
from starcoder_cli.commands.reading import Wish
from starcoder_cli.commands.several import Several
from starcoder_cli.errors import UsageError
from starcoder_cli.languages import Language
from starcoder_cli.model import Model, Sampling
from starcoder_cli.plan import Loading
from starcoder_cli.prompt import Prompt, solution
from starcoder_cli.settings import Lines, Order
from starcoder_cli.source import Hole, Names, Source, Span, names_of
from starcoder_cli.stream import Stream, after, until, with_newline
from starcoder_cli.trim import choose_lines, trimmed


@dataclass(frozen=True)
class Request:
    """What is asked of which model; `fills` asks for a gap even where nothing is behind it.

    `prompted` puts the beginning of a solution file before the text; `raw` leaves the answer as
    the model wrote it.

    Raises UsageError for an empty text to stop at.
    """

    model: str
    sampling: Sampling
    fills: bool = False
    stop: tuple[str, ...] = ()
    lang: str | None = None
    filename: str | None = None
    order: Order = "psm"
    lines: Lines = "auto"
    raw: bool = False
    strict_context: bool = False
    offline: bool = False
    prompted: bool = False
    loading: Loading = Loading()
    wish: Wish = Wish()
    several: Several = Several()

    @property
    def verbatim(self) -> bool:
        """Whether the answer stays as it is: so it does where the prompt is written back."""
        return self.raw or find(self.model).engine == "echo"

    def __post_init__(self) -> None:
        if "" in self.stop:
            raise UsageError("an empty --stop would end every answer at once", "leave it away")

    def sampled(self) -> "Request":
        """The same request with a seed wherever chance plays a part, so that it can be told."""
        greedy = self.sampling.temperature == 0 and self.several.n == 1
        if greedy or self.sampling.seed is not None:
            return self
        seed = int.from_bytes(os.urandom(4), "big") >> 1
        return replace(self, sampling=replace(self.sampling, seed=seed))


@dataclass(frozen=True)
class Question:
    """A place in a source to write for; `lead` is white space that any answer begins with."""

    source: Source
    span: Span
    hole: Hole
    lead: str
    language: Language
    names: Names

    @classmethod
    def of(cls, source: Source, span: Span, request: Request) -> "Question":
        """What is asked about a range of a source."""
        lead, language = source.indentation(span), named_language(request, source)
        hole = source.cut(Span(span.start + len(lead), span.end))
        names = Names(request.filename) if request.filename else names_of(source.name)
        if request.prompted:
            hole, names = solution(hole, language)
        return cls(source, span, hole, lead, language, names)

    def stream(self, model: Model, prompt: Prompt, request: Request, sampling: Sampling) -> Stream:
        """The answer that belongs in the place, or as the model writes it where that is asked."""
        chunks: Stream = until(model.stream(prompt, sampling), request.stop)
        if not request.verbatim:
            lines = request.lines
            if lines == "auto":
                inside = self.source.inside_line(self.span)
                lines = choose_lines(self.hole, inside_line=inside)
            chunks = after(self.lead, trimmed(chunks, self.hole, self.language, lines))
        return with_newline(chunks, self.source.newline)


def named_language(request: Request, source: Source) -> Language:
    """The language that was asked for, or that the file's name or first line tells."""
    if request.lang:
        return languages.find(request.lang)
    name = request.filename or source.name
    return languages.detect(name, source.raw[:200]) or languages.find("text")
