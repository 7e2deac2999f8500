"""The options that `complete` and `fill` share, and the request they form."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starcoder_cli.catalog import DEFAULT_MODEL
from starcoder_cli.commands.groups import (
    CandidateFlags,
    ContextFlags,
    EndingFlags,
    FimEndpointFlags,
    ModelFlags,
    NoticeFlags,
    SamplingFlags,
    TextFlags,
)
from starcoder_cli.commands.options import Echo, ModelName, Prompted, ShowPrompt

if TYPE_CHECKING:
    from starcoder_cli.app.request import Request


@dataclass(frozen=True)
class HoleFlags:
    """Which model is asked for a hole, what it reads, and what happens to its answers."""

    model: ModelName = DEFAULT_MODEL
    sampling: SamplingFlags = SamplingFlags()
    opening: ModelFlags = ModelFlags()
    endpoint: FimEndpointFlags = FimEndpointFlags()
    text: TextFlags = TextFlags()
    context: ContextFlags = ContextFlags()
    show_prompt: ShowPrompt = False
    ending: EndingFlags = EndingFlags()
    notices: NoticeFlags = NoticeFlags()
    candidates: CandidateFlags = CandidateFlags()
    echo: Echo = False

    @property
    def timeout(self) -> float | None:
        """Seconds after which the command stops."""
        return self.opening.timeout

    def request(self, *, fim: bool, prompted: bool = False) -> "Request":
        """Build the request; with `fim` it asks for a gap even if there is no suffix.

        Raises UsageError for meaningless values, InputError for a missing model.
        """
        from starcoder_cli.app.request import Request
        from starcoder_cli.context.reading_limit import ReadingLimit
        from starcoder_cli.infill import InfillOptions

        limit = ReadingLimit(way="; --max-prompt-tokens reads more")
        return Request(
            model=self.model,
            sampling=self.sampling.values(),
            infill=InfillOptions(
                fim=fim,
                stop=self.ending.stops,
                order=self.text.order,
                lines=self.ending.lines,
                raw=self.ending.raw,
                strict_context=self.context.strict_context,
                prompt_tokens=self.context.max_prompt_tokens,
                reading_limit=None if self.context.strict_context else limit,
                prompted=prompted,
            ),
            lang=self.text.lang,
            filename=self.text.filename,
            context=self.context.values(self.text.filename),
            candidates=self.candidates.values(self.timeout),
            notices=self.notices.values(),
            endpoint=self.endpoint.values(),
            **self.opening.values(),
        )


@dataclass(frozen=True)
class PromptedTextFlags(TextFlags):
    """What the text is; its prompt may start like the file of a solution."""

    prompted: Prompted = False


@dataclass(frozen=True)
class CompletionFlags(HoleFlags):
    """The hole options, for a text to continue."""

    text: PromptedTextFlags = PromptedTextFlags()
