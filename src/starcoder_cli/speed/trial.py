"""One measurement of a model that has just been loaded."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from starcoder_cli.errors import DataError, UsageError
from starcoder_cli.model import Model, Sampling
from starcoder_cli.prompt import Prompt
from starcoder_cli.speed.prompts import edited, unseen
from starcoder_cli.stream import Completion, join

FIRST = 64
"""Tokens of the first prompt, which takes longer than later ones."""

SPARE = 64
"""Tokens for which there is room beside those that are asked for: a model may open a prompt."""

MOST = 1_000_000


class Figure(NamedTuple):
    """What a number is of: the seconds to the first token, say, of a prompt of some length."""

    name: str
    length: int = 0


Trial: TypeAlias = Mapping[Figure, float]
"""Seconds, tokens a second and bytes, without those that cannot be told."""


@dataclass(frozen=True)
class Course:
    """How many tokens the prompts have that a model reads, and how many it writes after each."""

    lengths: tuple[int, ...]
    written: int

    @classmethod
    def of(cls, lengths: str, written: int) -> "Course":
        """The course with lengths like `64,256,1024`; UsageError for what has no meaning."""
        try:
            found = sorted({int(length) for length in lengths.split(",")})
        except ValueError:
            found = [0]
        if not 1 <= found[0] <= found[-1] <= MOST:
            raise UsageError(
                f"{lengths!r} are no lengths of prompts", "give numbers of tokens: 64,256,1024"
            )
        if not 2 <= written <= MOST:
            raise UsageError(f"--tokens cannot be {written}", f"give a number from 2 to {MOST}")
        return cls(tuple(found), written)

    @property
    def room(self) -> int:
        """The window that it needs."""
        return self.lengths[-1] + self.written + SPARE

    def within(self, window: int) -> "Course":
        """What of it a model with such a window can run; DataError where that is nothing."""
        lengths = [each for each in self.lengths if each + self.written < window]
        if not lengths:
            raise DataError(
                f"it reads at most {window} tokens", "give it shorter prompts: --prompt-tokens"
            )
        return Course(tuple(lengths), self.written)


def measure(model: Model, course: Course, tell: Callable[[str], None]) -> Trial:
    """How long the model takes to read the prompts of a course, and how fast it writes.

    The longest prompt is read once more with another end. `tell` is given what is going on.
    """
    tell("reads a first prompt")
    first = answer(model, unseen(model, FIRST), 1)
    answers: list[Completion] = []
    figures: dict[Figure, float] = {}
    for length in course.lengths:
        tell(f"reads {length:,} tokens")
        text = unseen(model, length)
        answers.append(answer(model, text, course.written))
        figures[Figure("first_token", length)] = waited(answers[-1])
    tell("reads the end of it again")
    figures[Figure("edited", length)] = waited(answer(model, edited(model, text, length), 1))
    if rate := answers[-1].read_rate:
        figures |= {Figure("warm_up"): warm_up(first, rate), Figure("read"): rate}
    if rate := write_rate(answers):
        figures[Figure("write")] = rate
    return figures


def answer(model: Model, text: str, written: int) -> Completion:
    """The likeliest answer to a text."""
    return join(model.stream(Prompt((text,)), Sampling(written)))


def waited(completion: Completion) -> float:
    """Seconds until there was a text, or until it was clear that there is none."""
    return completion.first_token_seconds or completion.seconds


def warm_up(first: Completion, rate: float) -> float:
    """Seconds that a first prompt took longer than at the rate of later ones."""
    return max(waited(first) - first.prompt_tokens / rate, 0.0)


def write_rate(answers: Sequence[Completion]) -> float:
    """Tokens in a second behind the first of each answer; 0 where no answer has two."""
    long = [each for each in answers if each.tokens > 1]
    seconds = sum(each.write_seconds for each in long)
    return sum(each.tokens - 1 for each in long) / seconds if seconds else 0.0
