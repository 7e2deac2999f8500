"""What `complete` and `fill` are asked for, as values that are checked before anything is read."""

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from starcoder_cli.catalog import ModelSpec, find
from starcoder_cli.errors import UsageError
from starcoder_cli.loading import Loading
from starcoder_cli.model import Sampling
from starcoder_cli.prompts.fim_formats import FORMATS, SERVER
from starcoder_cli.settings import Lines, Order
from starcoder_cli.system.timing import duration

if TYPE_CHECKING:
    from starcoder_cli.engines.endpoint.model import Reached

CONTEXT_SECONDS = 2.0
MOST_SECONDS = 3600
CANDIDATES = 5
MOST_CANDIDATES = 16
VERIFY_SECONDS = 60.0


@dataclass(frozen=True)
class Wish:
    """What a user wants read along: files, and seconds to spend on others, None for the usual.

    `filename` is what standard input is called, which tells its place in a project.
    """

    include: tuple[str, ...] = ()
    seconds: float | None = None
    filename: str | None = None

    def for_model(self, spec: ModelSpec) -> float:
        """How many seconds a model may spend on other files.

        Raises UsageError for a number that has no meaning.
        """
        if self.seconds is None:
            return CONTEXT_SECONDS if spec.context else 0.0
        if not 0 <= self.seconds <= MOST_SECONDS:
            raise UsageError(
                f"--context cannot be {self.seconds:g}", f"give seconds from 0 to {MOST_SECONDS}"
            )
        return self.seconds


@dataclass(frozen=True)
class Several:
    """How many answers are asked for, and who chooses: a command, a person, or else the ranking.

    `seconds` is how long the command may take for one answer.
    """

    n: int = 1
    verify: str | None = None
    pick: bool = False
    seconds: float = VERIFY_SECONDS

    @classmethod
    def of(
        cls, candidates: int | None, verify: str | None, pick: bool, timeout: float | None
    ) -> "Several":
        """What the flags ask for: some answers without a number where somebody is to choose.

        Raises UsageError for what has no meaning.
        """
        chosen = verify is not None or pick
        n = candidates if candidates is not None else CANDIDATES if chosen else 1
        if not 1 <= n <= MOST_CANDIDATES:
            raise UsageError(
                f"candidates cannot be {n}", f"give a number from 1 to {MOST_CANDIDATES}"
            )
        if verify is not None and pick:
            raise UsageError("--verify and --pick both choose", "leave one of them away")
        if pick and n == 1:
            raise UsageError("there is nothing to --pick from", "ask for more with --candidates")
        return cls(n, verify, pick, VERIFY_SECONDS if timeout is None else timeout)

    @property
    def wanted(self) -> bool:
        """Whether an answer has to be chosen, and so cannot be shown while it is made."""
        return self.n > 1 or self.verify is not None


def staying(keep_alive: str | None, no_server: bool) -> float | None:
    """For how many seconds the flags ask a server to hold the model: 0 is without one, None usual.

    Raises UsageError for what is no time.
    """
    if keep_alive is None:
        return 0.0 if no_server else None
    seconds = duration(keep_alive)
    return 0.0 if no_server else seconds


@dataclass(frozen=True)
class Remote:
    """An endpoint as a user names it, the family of its model, and the file of its key.

    Raises UsageError for a family that there is not.
    """

    endpoint: str = ""
    fim: str = ""
    key_file: str = ""

    def __post_init__(self) -> None:
        families = (*FORMATS, SERVER.name)
        if self.fim and self.fim not in families:
            raise UsageError(f"there is no family {self.fim!r}", f"give {', '.join(families)}")


@dataclass(frozen=True)
class Request:
    """What is asked of which model; `fills` asks for a gap even where nothing is behind it.

    `prompted` puts the beginning of a solution file before the text; `raw` leaves the answer as
    the model wrote it; `once` takes the first answer, also where that says nothing. `keep_alive` is
    how many seconds a server holds the model afterwards: 0 is without a server, None as usual.
    `provenance` puts a comment above the answer, `trace` looks it up in the file `index`.
    `reached` is the endpoint of `remote` once it has answered.

    Raises UsageError for an empty text to stop at, InputError for a model that there is not.
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
    once: bool = False
    loading: Loading = Loading()
    wish: Wish = Wish()
    several: Several = Several()
    keep_alive: float | None = None
    remote: Remote = Remote()
    provenance: bool = False
    trace: bool = False
    index: str | None = None
    reached: "Reached | None" = None

    @property
    def spec(self) -> ModelSpec:
        """The model, at the endpoint where there is one."""
        return self.reached.spec if self.reached else find(self.model)

    @property
    def verbatim(self) -> bool:
        """Whether the answer stays as it is: so it does where the prompt is written back."""
        return self.raw or self.spec.engine == "echo"

    def __post_init__(self) -> None:
        if "" in self.stop:
            raise UsageError("an empty --stop would end every answer at once", "leave it away")
        if not self.remote.endpoint:
            find(self.model)

    def with_max_tokens(self, most: int) -> "Request":
        """The same request for so many tokens at most."""
        return replace(self, sampling=replace(self.sampling, max_tokens=most))

    def with_seed(self, seed: int) -> "Request":
        """The same request for the answer that chance makes of this number."""
        return replace(self, sampling=replace(self.sampling, seed=seed))

    def sampled(self) -> "Request":
        """The same request with a seed wherever chance plays a part, so that it can be told."""
        greedy = self.sampling.temperature == 0 and self.several.n == 1
        if greedy or self.sampling.seed is not None:
            return self
        return self.with_seed(int.from_bytes(os.urandom(4), "big") >> 1)
