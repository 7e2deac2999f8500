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
from starcoder_cli.stream import Completion, collect

FIRST_PROMPT_TOKENS = 64
"""Tokens of the first prompt, which takes longer than later ones."""

READ_TOKENS = 256
"""Tokens of a prompt that shows how fast a model reads."""

SPARE_WINDOW_TOKENS = 64
"""Extra tokens of room beyond those asked for: a model may add some at a prompt's beginning."""

MAX_WORKLOAD_TOKENS = 1_000_000


class BenchmarkMetric(NamedTuple):
    """What a number measures, such as the seconds to the first token of a prompt of some length."""

    name: str
    length: int = 0


Measurement: TypeAlias = Mapping[BenchmarkMetric, float]
"""Seconds, tokens per second and bytes, without those that are unknown."""


@dataclass(frozen=True)
class BenchmarkWorkload:
    """How many tokens the prompts that a model reads have, and how many it writes after each."""

    prompt_lengths: tuple[int, ...]
    generated_tokens: int

    @classmethod
    def parse(cls, prompt_lengths: str, generated_tokens: int) -> "BenchmarkWorkload":
        """A workload with prompt lengths like `64,256,1024`; raises UsageError for other text."""
        try:
            parsed = sorted({int(length) for length in prompt_lengths.split(",")})
        except ValueError:
            parsed = [0]
        if not 1 <= parsed[0] <= parsed[-1] <= MAX_WORKLOAD_TOKENS:
            raise UsageError(
                f"{prompt_lengths!r} is not a list of prompt lengths",
                "give numbers of tokens: 64,256,1024",
            )
        if not 2 <= generated_tokens <= MAX_WORKLOAD_TOKENS:
            raise UsageError(
                f"--tokens cannot be {generated_tokens}",
                f"give a number from 2 to {MAX_WORKLOAD_TOKENS}",
            )
        return cls(tuple(parsed), generated_tokens)

    @property
    def required_window(self) -> int:
        """The window that it needs."""
        return self.prompt_lengths[-1] + self.generated_tokens + SPARE_WINDOW_TOKENS

    def fit_to_window(self, window: int) -> "BenchmarkWorkload":
        """The part that a model with this window can run; raises DataError if there is none."""
        fitting = [
            length for length in self.prompt_lengths if length + self.generated_tokens < window
        ]
        if not fitting:
            raise DataError(
                f"it reads at most {window} tokens", "give it shorter prompts: --prompt-tokens"
            )
        return BenchmarkWorkload(tuple(fitting), self.generated_tokens)


def measure_speed(
    model: Model, workload: BenchmarkWorkload, report: Callable[[str], None]
) -> Measurement:
    """Measure how long the model takes to read the prompts of a workload, and how fast it writes.

    The longest prompt is read once more with another end. `report` is given what is going on.
    """
    report("reads a first prompt")
    first_completion = complete_greedily(model, create_unseen_prompt(model, FIRST_PROMPT_TOKENS), 1)
    completions: list[Completion] = []
    values: dict[BenchmarkMetric, float] = {}
    for length in workload.prompt_lengths:
        report(f"reads {length:,} tokens")
        prompt = create_unseen_prompt(model, length)
        completions.append(complete_greedily(model, prompt, workload.generated_tokens))
        values[BenchmarkMetric("first_token", length)] = seconds_to_first_token(completions[-1])
    report("reads the end of it again")
    values[BenchmarkMetric("edited", length)] = seconds_to_first_token(
        complete_greedily(model, edit_prompt_end(model, prompt, length), 1)
    )
    if rate := completions[-1].prompt_tokens_per_second:
        values |= {
            BenchmarkMetric("warm_up"): warm_up_seconds(first_completion, rate),
            BenchmarkMetric("read"): rate,
        }
    if rate := write_rate(completions):
        values[BenchmarkMetric("write")] = rate
    return values


def complete_greedily(model: Model, prompt: str, max_tokens: int) -> Completion:
    """The likeliest answer to a text."""
    return collect(model.stream(Prompt((prompt,)), Sampling(max_tokens)))


def seconds_to_first_token(completion: Completion) -> float:
    """Seconds until there was a text, or until it was clear that there is none."""
    return completion.first_token_seconds or completion.seconds


def measure_reading_rate(model: Model) -> float:
    """Tokens that a model reads per second, once it has read a little."""
    complete_greedily(model, create_unseen_prompt(model, FIRST_PROMPT_TOKENS), 1)
    completion = complete_greedily(model, create_unseen_prompt(model, READ_TOKENS), 1)
    return completion.prompt_tokens / max(seconds_to_first_token(completion), 1e-6)


def warm_up_seconds(first: Completion, read_rate: float) -> float:
    """How many seconds longer a first prompt took than at the rate of later ones."""
    return max(seconds_to_first_token(first) - first.prompt_tokens / read_rate, 0.0)


def write_rate(completions: Sequence[Completion]) -> float:
    """Tokens per second after the first one of each answer; 0 if no answer has two."""
    long = [completion for completion in completions if completion.tokens > 1]
    seconds = sum(completion.generation_seconds for completion in long)
    return sum(completion.tokens - 1 for completion in long) / seconds if seconds else 0.0


PROC_STATUS = Path("/proc/self/status")


def peak_memory_bytes(status: Path = PROC_STATUS) -> int:
    """The peak memory of this process in bytes, or 0 if it is unknown.

    Linux reports it for the running program (VmHWM, proc(5)); what `getrusage` reports may be
    that of the process that started it.
    """
    try:
        lines = status.read_text(encoding="ascii", errors="replace").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


MAX_TOKEN_CHARACTERS = 16
"""The most characters of code per token, on average, that any model reaches."""

EDITED_TOKENS = 16
"""Roughly how many tokens of an edited prompt differ from the one before."""

EDITED_ENDING = "\n\n\ndef mean(values):\n    return sum(values) / len(values)\n"


def create_unseen_prompt(model: Model, token_count: int) -> str:
    """A text of `token_count` tokens, beginning unlike anything a model has read before."""
    return truncate_to_tokens(model, f"# {os.urandom(8).hex()}\n{read_own_source()}", token_count)


def edit_prompt_end(model: Model, prompt: str, token_count: int) -> str:
    """A text of `token_count` tokens with another end, which is all that must be read again."""
    return truncate_to_tokens(
        model, prompt, max(token_count - EDITED_TOKENS, 1)
    ) + truncate_to_tokens(model, EDITED_ENDING, EDITED_TOKENS)


def truncate_to_tokens(model: Model, text: str, token_count: int) -> str:
    """The beginning of a text with at most `token_count` tokens."""
    max_characters = min(len(text), token_count * MAX_TOKEN_CHARACTERS)
    end = bisect_right(
        range(1, max_characters + 1), token_count, key=lambda length: model.count(text[:length])
    )
    return text[:end]


@cache
def read_own_source() -> str:
    """The source of this program."""
    root = Path(__file__).parents[1]
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(root.rglob("*.py")))
