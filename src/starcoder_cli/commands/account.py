"""What is said about where an answer comes from: in the answer, beside it, and in its record."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from starcoder_cli.catalog import ModelSpec
from starcoder_cli.commands.origins import need_index, origins
from starcoder_cli.commands.request import Request
from starcoder_cli.languages import Language
from starcoder_cli.model import Sampling
from starcoder_cli.output import Messages
from starcoder_cli.source import Source, Span
from starcoder_cli.stream import Stream

if TYPE_CHECKING:
    from starcoder_cli.provenance import Place

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
        from starcoder_cli.provenance import Place

        return cls(request, language, Place(source, span, language))

    def by(self, spec: ModelSpec) -> "Account":
        """The same for the answers of a model."""
        if not self.place:
            return self
        from starcoder_cli.provenance import notice

        return replace(self, comment=notice(spec.name, self.place.form))

    def asking(self, stream: Ask) -> Ask:
        """How a model is asked, so that its answers have the comment."""
        if not self.place:
            return stream
        from starcoder_cli.provenance import disclosed

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
