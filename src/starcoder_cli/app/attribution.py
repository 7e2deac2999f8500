"""Where an answer comes from, according to this machine's index of code."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from starcoder_cli.app.request import NoticeOptions
from starcoder_cli.catalog import ModelSpec
from starcoder_cli.errors import BusyError, DataError, InputError, WriteError
from starcoder_cli.files.source import Source, Span
from starcoder_cli.languages import Language
from starcoder_cli.model import Sampling
from starcoder_cli.stream import Stream
from starcoder_cli.system.counting import counted
from starcoder_cli.terminal.output import Messages

if TYPE_CHECKING:
    from starcoder_cli.postprocess.ai_notice import AnswerLocation


def need_index(options: NoticeOptions) -> None:
    """Raise InputError or DataError if answers are to be looked up and there is no index."""
    if options.trace:
        from starcoder_cli.attribution.index import index_file, open_index_readonly

        with open_index_readonly(index_file(options.index)):
            pass


def lookup_origins(
    text: str, language: str | None, options: NoticeOptions, messages: Messages
) -> Mapping[str, object]:
    """What JSON says about an answer that was looked up; users get it as a one-line note.

    An index that has become unreadable is no reason to lose the answer.
    """
    if not options.trace:
        return {}
    from starcoder_cli.app.trace import TraceResult, describe_origin, trace_record
    from starcoder_cli.attribution import find_matches
    from starcoder_cli.attribution.index import index_file

    try:
        matches = find_matches(text, language, index_file(options.index))
    except (BusyError, DataError, InputError, WriteError) as error:
        messages.note(f"the answer was not looked up: {error}")
        return {"trace": {"error": str(error)}}
    traced = TraceResult(Source("", text), text, 1, matches)
    if not matches and text.strip():
        messages.note("no part of the answer is in the index")
    elif matches:
        first, rest = matches[0], len(matches) - 1
        more = first.more + len(first.origins) - 1
        others = f" (and {counted(more, 'other place')})" if more else ""
        parts = f"; {rest} more parts match too" if rest > 1 else "; 1 more part matches too"
        messages.note(
            f"{traced.share([first]):.0%} of the answer (lines {first.first}-{first.last}) matches "
            f"{describe_origin(first.origins[0])}{others}{parts if rest else ''}"
        )
    fields = trace_record(traced)
    return {"trace": {name: fields[name] for name in ("share", "licences", "matches")}}


Ask: TypeAlias = Callable[[Sampling], Stream]


@dataclass(frozen=True)
class AnswerNotices:
    """What is reported about an answer: a comment above it, and where it may come from.

    `comment` is empty until the model is known. `language` is what the answer is written in.
    """

    options: NoticeOptions
    language: Language
    place: "AnswerLocation | None" = None
    comment: str = ""

    @classmethod
    def of(
        cls, options: NoticeOptions, source: Source, span: Span, language: Language
    ) -> "AnswerNotices":
        """The notices that a request asks for about an answer that replaces a range.

        Raises UsageError if a comment cannot stand above that answer, InputError or DataError
        if there is no index to look it up in.
        """
        need_index(options)
        if not options.provenance:
            return cls(options, language)
        from starcoder_cli.postprocess.ai_notice import AnswerLocation

        return cls(options, language, AnswerLocation(source, span, language))

    def for_model(self, spec: ModelSpec) -> "AnswerNotices":
        """The same notices for the answers of a particular model."""
        if not self.place:
            return self
        from starcoder_cli.postprocess.ai_notice import format_notice

        return replace(self, comment=format_notice(spec.name, self.place.comment_syntax))

    def wrap(self, stream: Ask) -> Ask:
        """Wrap the function that asks a model, so that its answers carry the comment."""
        if not self.place:
            return stream
        from starcoder_cli.postprocess.ai_notice import insert_notice

        place, comment = self.place, self.comment
        return lambda sampling: insert_notice(stream(sampling), place, comment)

    def record(self, text: str, messages: Messages) -> Mapping[str, object]:
        """What JSON says about a whole answer, if anything; users get it as notes."""
        traced = lookup_origins(text, self.language.name, self.options, messages)
        if not self.place:
            return traced
        said = self.comment in text
        if text.strip() and not said:
            messages.note("no line of the answer has room for the comment of --provenance above it")
        return {"provenance": self.comment if said else None, **traced}
