"""A place in a source that an answer is asked for."""

from dataclasses import dataclass

from starcoder_cli import languages
from starcoder_cli.commands.request import Request
from starcoder_cli.languages import Language
from starcoder_cli.model import Model, Sampling
from starcoder_cli.prompt import Prompt, solution
from starcoder_cli.source import Hole, Names, Source, Span, names_of
from starcoder_cli.stream import Stream, after, until, with_newline
from starcoder_cli.trim import choose_lines, trimmed


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
