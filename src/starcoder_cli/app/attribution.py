"""Where an answer comes from, as far as the index of code on this machine knows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from starcoder_cli.app.request import Request
from starcoder_cli.catalog import ModelSpec
from starcoder_cli.errors import BusyError, DataError, InputError, WriteError
from starcoder_cli.files.source import Source, Span
from starcoder_cli.languages import Language
from starcoder_cli.model import Sampling
from starcoder_cli.stream import Stream
from starcoder_cli.terminal.output import Messages

if TYPE_CHECKING:
    from starcoder_cli.postprocess.ai_notice import Place


def need_index(request: Request) -> None:
    """Raise InputError or DataError where answers are to be looked up, and there is no index."""
    if request.trace:
        from starcoder_cli.attribution.index import index_file, reading

        with reading(index_file(request.index)):
            pass


def origins(
    text: str, language: str | None, request: Request, messages: Messages
) -> Mapping[str, object]:
    """What JSON tells of an answer that was looked up, which people are told in one line.

    An index that cannot be read by now is no reason to lose the answer.
    """
    if not request.trace:
        return {}
    from starcoder_cli.app.trace import Traced, described, record
    from starcoder_cli.attribution import trace
    from starcoder_cli.attribution.index import index_file

    try:
        matches = trace(text, language, index_file(request.index))
    except (BusyError, DataError, InputError, WriteError) as error:
        messages.note(f"the answer was not looked up: {error}")
        return {"trace": {"error": str(error)}}
    traced = Traced(Source("", text), text, 1, matches)
    if not matches and text.strip():
        messages.note("nothing of the answer is in the index")
    elif matches:
        first, rest = matches[0], len(matches) - 1
        more = first.more + len(first.origins) - 1
        others = f", and {more} more" if more else ""
        parts = f"; {rest} more parts" if rest > 1 else "; 1 more part" if rest else ""
        messages.note(
            f"{traced.share([first]):.0%} of the answer (lines {first.first}-{first.last}) is as "
            f"in {described(first.origins[0])}{others}{parts}"
        )
    told = record(traced)
    return {"trace": {name: told[name] for name in ("share", "licences", "matches")}}


Ask: TypeAlias = Callable[[Sampling], Stream]


@dataclass(frozen=True)
class Account:
    """Where a comment goes that says who wrote an answer, and the comment; nothing where none goes.

    `comment` is empty until the model is known. `language` is what the answer is written in.
    """

    request: Request
    language: Language
    place: "Place | None" = None
    comment: str = ""

    @classmethod
    def of(cls, request: Request, source: Source, span: Span, language: Language) -> "Account":
        """What a request asks for about an answer that takes the place of a range.

        Raises UsageError where a comment cannot stand above that answer, InputError or DataError
        where there is no index to look it up in.
        """
        need_index(request)
        if not request.provenance:
            return cls(request, language)
        from starcoder_cli.postprocess.ai_notice import Place

        return cls(request, language, Place(source, span, language))

    def by(self, spec: ModelSpec) -> "Account":
        """The same for the answers of a model."""
        if not self.place:
            return self
        from starcoder_cli.postprocess.ai_notice import notice

        return replace(self, comment=notice(spec.name, self.place.form))

    def asking(self, stream: Ask) -> Ask:
        """How a model is asked, so that its answers have the comment."""
        if not self.place:
            return stream
        from starcoder_cli.postprocess.ai_notice import disclosed

        place, comment = self.place, self.comment
        return lambda sampling: disclosed(stream(sampling), place, comment)

    def record(self, text: str, messages: Messages) -> Mapping[str, object]:
        """What JSON tells of a whole answer, where something is told; notes tell people."""
        traced = origins(text, self.language.name, self.request, messages)
        if not self.place:
            return traced
        said = self.comment in text
        if text.strip() and not said:
            messages.note("no line of the answer has room for the comment of --provenance above it")
        return {"provenance": self.comment if said else None, **traced}
