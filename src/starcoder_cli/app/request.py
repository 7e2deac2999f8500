"""What a user asks for, as values that are checked before anything is read."""

import os
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from starcoder_cli.catalog import ModelSpec, find_model
from starcoder_cli.context.selection import ContextOptions
from starcoder_cli.errors import UsageError
from starcoder_cli.infill import InfillOptions
from starcoder_cli.loading import LoadOptions
from starcoder_cli.model import Sampling
from starcoder_cli.prompts.fim_formats import FIM_FORMATS, SERVER
from starcoder_cli.system.timing import parse_duration

if TYPE_CHECKING:
    from starcoder_cli.engines.endpoint.model import ResolvedEndpoint

DEFAULT_CANDIDATES = 5
MAX_CANDIDATES = 16
VERIFY_SECONDS = 60.0


@dataclass(frozen=True)
class CandidateOptions:
    """How many answers are asked for, and who chooses: a command, a person, or else the ranking.

    With `check` the ranking runs them. `seconds` is how long the command may take for one answer.
    """

    n: int = 1
    verify: str | None = None
    pick: bool = False
    seconds: float = VERIFY_SECONDS
    check: bool = False

    @classmethod
    def of(
        cls,
        candidates: int | None,
        verify: str | None,
        pick: bool,
        timeout: float | None,
        check: bool = False,
    ) -> "CandidateOptions":
        """What the flags ask for; if somebody is to choose, several answers by default.

        Raises UsageError for values that make no sense.
        """
        chosen = verify is not None or pick or check
        n = candidates if candidates is not None else DEFAULT_CANDIDATES if chosen else 1
        if not 1 <= n <= MAX_CANDIDATES:
            raise UsageError(
                f"candidates cannot be {n}", f"give a number from 1 to {MAX_CANDIDATES}"
            )
        if verify is not None and pick:
            raise UsageError("--verify and --pick both choose the answer", "omit one of them")
        if pick and n == 1:
            raise UsageError(
                "--pick needs at least two candidates", "ask for more with --candidates"
            )
        if check and n == 1:
            raise UsageError(
                "--check needs at least two candidates", "ask for more with --candidates"
            )
        return cls(n, verify, pick, VERIFY_SECONDS if timeout is None else timeout, check)

    @property
    def needs_selection(self) -> bool:
        """Whether an answer must be chosen, and so cannot be shown as it arrives."""
        return self.n > 1 or self.verify is not None


def keep_alive_seconds(keep_alive: str | None, no_server: bool) -> float | None:
    """How long the flags ask a server to hold the model: 0 means no server, None the default.

    Raises UsageError for a value that is not a duration.
    """
    if keep_alive is None:
        return 0.0 if no_server else None
    seconds = parse_duration(keep_alive)
    return 0.0 if no_server else seconds


@dataclass(frozen=True)
class EndpointOptions:
    """An endpoint as a user names it, the family of its model, and the file of its key.

    Raises UsageError for an unknown family.
    """

    endpoint: str = ""
    fim: str = ""
    key_file: str = ""

    def __post_init__(self) -> None:
        families = (*FIM_FORMATS, SERVER)
        if self.fim and self.fim not in families:
            raise UsageError(f"there is no family {self.fim!r}", f"give {', '.join(families)}")


@dataclass(frozen=True)
class NoticeOptions:
    """What is reported about where an answer comes from.

    `provenance` puts a comment above it, `trace` looks it up in the file `index`.
    """

    provenance: bool = False
    trace: bool = False
    index: str | None = None

    @property
    def any(self) -> bool:
        """Whether anything is reported."""
        return self.provenance or self.trace


@dataclass(frozen=True)
class Request:
    """What is asked of which model, and how the model is opened.

    `keep_alive` is how many seconds a server holds the model afterwards: 0 means no server, None
    the default. `resolved_endpoint` is the endpoint once it has answered.
    Raises InputError for an unknown model.
    """

    model: str
    sampling: Sampling
    infill: InfillOptions = InfillOptions()
    lang: str | None = None
    filename: str | None = None
    context: ContextOptions = ContextOptions()
    candidates: CandidateOptions = CandidateOptions()
    notices: NoticeOptions = NoticeOptions()
    offline: bool = False
    loading: LoadOptions = LoadOptions()
    keep_alive: float | None = None
    endpoint: EndpointOptions = EndpointOptions()
    resolved_endpoint: "ResolvedEndpoint | None" = None

    def __post_init__(self) -> None:
        if not self.endpoint.endpoint:
            find_model(self.model)

    @cached_property
    def spec(self) -> ModelSpec:
        """The model, at the endpoint if there is one."""
        return self.resolved_endpoint.spec if self.resolved_endpoint else find_model(self.model)

    @property
    def verbatim(self) -> bool:
        """Whether the answer stays as it is, which an echo of the prompt always does."""
        return self.infill.raw or self.spec.engine == "echo"

    def with_max_tokens(self, most: int) -> "Request":
        """The same request with at most this many tokens."""
        return replace(self, sampling=replace(self.sampling, max_tokens=most))

    def with_seed(self, seed: int) -> "Request":
        """The same request with this random seed."""
        return replace(self, sampling=replace(self.sampling, seed=seed))

    def with_random_seed(self) -> "Request":
        """The same request with a seed if the answer depends on chance, so it can be reported."""
        greedy = self.sampling.temperature == 0 and self.candidates.n == 1
        if greedy or self.sampling.seed is not None:
            return self
        return self.with_seed(int.from_bytes(os.urandom(4), "big") >> 1)
