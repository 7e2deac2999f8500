"""One measurement of a model that has just been loaded."""

import os
import sys
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypeAlias

from starcoder_cli.errors import DataError, UsageError
from starcoder_cli.model import Model, Prompt, Sampling
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


STATUS = Path("/proc/self/status")


def high_water() -> int:
    """The most bytes of memory that this process has had at once; 0 where that is not told.

    Linux tells it of the running program (VmHWM, proc(5)); what `getrusage` tells may be of the
    process that started it.
    """
    try:
        lines = STATUS.read_text(encoding="ascii", errors="replace").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


LONGEST_TOKEN = 16
"""Characters of code that no model gets more of out of a token, on the whole."""

CHANGED = 16
"""Tokens, about, in which an edited prompt differs from the one before."""

END = "\n\n\ndef mean(values):\n    return sum(values) / len(values)\n"


def unseen(model: Model, tokens: int) -> str:
    """A text of so many tokens, which begins like none that any model has read before."""
    return cut(model, f"# {os.urandom(8).hex()}\n{code()}", tokens)


def edited(model: Model, text: str, tokens: int) -> str:
    """A text of so many tokens with another end, which is all that has to be read again."""
    return cut(model, text, max(tokens - CHANGED, 1)) + cut(model, END, CHANGED)


def cut(model: Model, text: str, tokens: int) -> str:
    """The beginning of a text that has so many tokens; all of a text that has fewer."""
    most = min(len(text), tokens * LONGEST_TOKEN)
    end = bisect_right(range(1, most + 1), tokens, key=lambda at: model.count(text[:at]))
    return text[:end]


@cache
def code() -> str:
    """The source of this program."""
    root = Path(__file__).parents[1]
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(root.rglob("*.py")))
