"""Option groups that commands share: each is declared once and converted to values together.

A command names a group as one parameter; `commands.expand` turns its fields into options.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from starcoder_cli.commands.options import (
    ANSWER_PANEL,
    Adapter,
    ApiKeyFile,
    Candidates,
    Check,
    ColorOption,
    Context,
    Device,
    Diff,
    DtypeOption,
    EndpointOption,
    EngineOption,
    Filename,
    Fim,
    Include,
    InPlace,
    Json,
    KeepAlive,
    Lang,
    LinesOption,
    MaxPromptTokens,
    MaxTokens,
    NoContext,
    NoServer,
    Offline,
    OrderOption,
    Output,
    Pick,
    Provenance,
    QuantizeOption,
    Quiet,
    Raw,
    Seed,
    Stop,
    StrictContext,
    Temperature,
    Timeout,
    TopP,
    Trace,
    Verbose,
    Verify,
    index_option,
)
from starcoder_cli.settings import STANDARD_OUTPUT

if TYPE_CHECKING:
    from starcoder_cli.app.deliver import OutputOptions
    from starcoder_cli.app.request import (
        CandidateOptions,
        EndpointOptions,
        NoticeOptions,
    )
    from starcoder_cli.context.selection import ContextOptions
    from starcoder_cli.loading import LoadOptions
    from starcoder_cli.model import Sampling

TraceIndex = Annotated[str | None, index_option(ANSWER_PANEL)]
"""The index for tracing answers, in the same help panel as `--trace`."""


@dataclass(frozen=True)
class ChoiceFlags:
    """How tokens are chosen."""

    temperature: Temperature = 0.0
    top_p: TopP = 0.95
    seed: Seed = None

    def values(self, max_tokens: int) -> "Sampling":
        """Build the sampling; raises UsageError for meaningless numbers."""
        from starcoder_cli.model import Sampling

        return Sampling(max_tokens, self.temperature, self.top_p, self.seed)


@dataclass(frozen=True)
class SamplingFlags:
    """How many tokens are written, and how they are chosen."""

    max_tokens: MaxTokens = 256
    choice: ChoiceFlags = ChoiceFlags()

    def values(self) -> "Sampling":
        """Build the sampling; raises UsageError for meaningless numbers."""
        return self.choice.values(self.max_tokens)


@dataclass(frozen=True)
class LoadingFlags:
    """How a model is loaded."""

    quantize: QuantizeOption = "auto"
    device: Device = "auto"
    dtype: DtypeOption = "auto"
    adapter: Adapter = ""
    engine: EngineOption = "auto"

    def values(self) -> "LoadOptions":
        """Build the load options; raises UsageError for what no machine could do."""
        from starcoder_cli.loading import LoadOptions

        return LoadOptions(self.quantize, self.device, self.dtype, self.adapter, self.engine)


@dataclass(frozen=True)
class ModelFlags:
    """How a model is opened, how long an answer may take, and how long the model is kept."""

    offline: Offline = False
    timeout: Timeout = None
    loading: LoadingFlags = LoadingFlags()
    keep_alive: KeepAlive = None
    no_server: NoServer = False

    def values(self) -> Mapping[str, Any]:
        """The fields of a Request that these flags set."""
        from starcoder_cli.app.request import keep_alive_seconds

        return {
            "offline": self.offline,
            "loading": self.loading.values(),
            "keep_alive": keep_alive_seconds(self.keep_alive, self.no_server),
        }


@dataclass(frozen=True)
class EndpointFlags:
    """The remote server for commands that do not fill gaps."""

    endpoint: EndpointOption = ""
    api_key_file: ApiKeyFile = ""

    def values(self) -> "EndpointOptions":
        """Build the endpoint options."""
        from starcoder_cli.app.request import EndpointOptions

        return EndpointOptions(self.endpoint, "", self.api_key_file)


@dataclass(frozen=True)
class FimEndpointFlags:
    """The remote server for commands that fill gaps."""

    endpoint: EndpointOption = ""
    fim: Fim = ""
    api_key_file: ApiKeyFile = ""

    def values(self) -> "EndpointOptions":
        """Build the endpoint options; raises UsageError for an unknown family."""
        from starcoder_cli.app.request import EndpointOptions

        return EndpointOptions(self.endpoint, self.fim, self.api_key_file)


@dataclass(frozen=True)
class TextFlags:
    """What the text is, and the order of a gap's prompt."""

    lang: Lang = None
    filename: Filename = None
    order: OrderOption = "psm"


@dataclass(frozen=True)
class ContextFlags:
    """What else is read."""

    include: Include = None
    context: Context = None
    no_context: NoContext = False
    max_prompt_tokens: MaxPromptTokens = None
    strict_context: StrictContext = False

    def values(self, filename: str | None) -> "ContextOptions":
        """The files to include with a text of that name."""
        from starcoder_cli.context.selection import ContextOptions

        seconds = 0.0 if self.no_context else self.context
        return ContextOptions(tuple(self.include or ()), seconds, filename)


@dataclass(frozen=True)
class EndingFlags:
    """Where an answer ends."""

    stop: Stop = None
    lines: LinesOption = "auto"
    raw: Raw = False

    @property
    def stops(self) -> tuple[str, ...]:
        """The texts to stop at."""
        return tuple(self.stop or ())


@dataclass(frozen=True)
class NoticeFlags:
    """What is reported about an answer's origin."""

    provenance: Provenance = False
    trace: Trace = False
    index: TraceIndex = None

    def values(self) -> "NoticeOptions":
        """Build the notice options."""
        from starcoder_cli.app.request import NoticeOptions

        return NoticeOptions(self.provenance, self.trace, self.index)


@dataclass(frozen=True)
class CandidateFlags:
    """How many answers are made, and who chooses."""

    candidates: Candidates = None
    check: Check = False
    verify: Verify = None
    pick: Pick = False

    def values(self, timeout: float | None) -> "CandidateOptions":
        """Build the candidate options; raises UsageError for meaningless ones."""
        from starcoder_cli.app.request import CandidateOptions

        return CandidateOptions.of(self.candidates, self.verify, self.pick, timeout, self.check)


@dataclass(frozen=True)
class DeliveryFlags:
    """Where an answer goes."""

    json: Json = False
    diff: Diff = False
    in_place: InPlace = False
    output: Output = STANDARD_OUTPUT


@dataclass(frozen=True)
class MessageFlags:
    """Colours, and how much is reported."""

    color: ColorOption = "auto"
    quiet: Quiet = False
    verbose: Verbose = False

    def values(
        self,
        delivery: DeliveryFlags,
        *,
        between: bool = False,
        echo: bool = False,
        show_prompt: bool = False,
    ) -> "OutputOptions":
        """Build the output options; raises UsageError if two cannot be used together."""
        from starcoder_cli.app.deliver import OutputOptions

        return OutputOptions(
            between=between,
            json=delivery.json,
            echo=echo,
            show_prompt=show_prompt,
            color=self.color,
            quiet=self.quiet,
            verbose=self.verbose,
            diff=delivery.diff,
            in_place=delivery.in_place,
            output=delivery.output,
        )
