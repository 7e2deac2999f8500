"""What a model is to the rest of the program."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from starcoder_cli.errors import DataError, UsageError

if TYPE_CHECKING:
    from starcoder_cli.stream import Stream


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen, and when to stop asking for more; temperature 0 is greedy.

    `logprobs` asks for the log-probability of each token too, which costs time.

    Raises UsageError for values that have no meaning: engines take them without a word.
    """

    max_tokens: int = 256
    temperature: float = 0.0
    top_p: float = 0.95
    seed: int | None = None
    logprobs: bool = False

    def __post_init__(self) -> None:
        limits: tuple[tuple[str, float | None, float, float], ...] = (
            ("max_tokens", self.max_tokens, 1, 1_000_000),
            ("temperature", self.temperature, 0, 2),
            ("top_p", self.top_p, 0.000001, 1),
            ("seed", self.seed, 0, 2**32 - 2),  # llama.cpp takes the next one as no seed
        )
        for name, value, least, most in limits:
            if value is not None and not least <= value <= most:
                raise UsageError(
                    f"{name} cannot be {value}", f"give a number from {least:g} to {most:.15g}"
                )


def check_room(window: int, prompt: int, max_tokens: int) -> None:
    """Raises DataError where a prompt of so many tokens leaves no room for the answer."""
    room = max(window - prompt, 0)
    if room < max_tokens:
        raise DataError(
            f"a prompt of {prompt} tokens leaves room for {room} in the window",
            "shorten it, or lower --max-tokens",
        )


class Model(Protocol):
    """Something that continues a prompt."""

    @property
    def engine(self) -> str:
        """What runs it, as `--engine` names it; `endpoint` where that is elsewhere."""

    @property
    def window(self) -> int:
        """The most tokens that prompt and answer may have together."""

    @property
    def chat_template(self) -> str:
        """The chat template among its files, as found and possibly hostile; empty without one."""

    def stream(self, prompt: "Prompt", sampling: Sampling) -> "Stream":
        """The answer as it is made; closing the stream stops the model within two tokens."""

    def count(self, text: str) -> int:
        """How many tokens a text has, as user text: control tokens in it are not parsed.

        An endpoint without a tokenizer to ask gives an estimate.
        """

    def token(self, text: str) -> int | None:
        """The id of a control token, or None where the text is not exactly one such token.

        An endpoint without a tokenizer to ask gives any number for those that it is known to have.
        """

    def close(self) -> None:
        """Give back what the model holds."""


class Special(str):
    """A control token, never the user's own text. Losing the mark makes it plain text."""

    __slots__ = ()


@dataclass(frozen=True)
class Prompt:
    """What a model reads, piece by piece, and the texts or control tokens that end its answer.

    `begun` is what the answer has to begin with; the stream of it leaves that out.
    """

    pieces: tuple[str, ...]
    stop: tuple[str, ...] = ()
    begun: str = ""
