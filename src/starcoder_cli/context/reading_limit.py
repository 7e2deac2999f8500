"""Limit prompts to what a model reads in about ten seconds, or as long as a client waits.

The rate is measured once per model and engine and stored as a power of two, so that a command makes
the same prompt on every run. A bad moment does not fix it for good: several consecutive answers at
a very different rate move it step by step.
"""

import json
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from starcoder_cli.context.reading_speed import MIN_MEASURED_TOKENS
from starcoder_cli.files.small import replace_text
from starcoder_cli.settings import data_dir

READING_SECONDS = 10.0
MIN_PROMPT_TOKENS = 1024
MIN_QUICK_TOKENS = 512
"""Always read; most of it will already be cached for an editor's next request."""

MAX_PROMPT_TOKENS = 1 << 20
ANSWERS_TO_MOVE = 3
"""This many consecutive answers, all slower or all faster, are no accident."""

MAX_REMEMBERED_LIMITS = 50
LOCK = threading.Lock()


@dataclass(frozen=True)
class ReadingLimit:
    """How many seconds a model may read; `way` tells the user how to allow more."""

    seconds: float = READING_SECONDS
    way: str = ""

    @property
    def min_tokens(self) -> int:
        """The number of tokens that are always read."""
        return MIN_PROMPT_TOKENS if self.seconds >= READING_SECONDS else MIN_QUICK_TOKENS

    def tokens(self, model: str, measure_rate: Callable[[], float]) -> int:
        """How many tokens a model reads in that time."""
        limit = find_prompt_limit(model, measure_rate)
        return max(int(limit * self.seconds / READING_SECONDS), self.min_tokens)

    def __str__(self) -> str:
        """The time in words."""
        is_default = self.seconds == READING_SECONDS
        return "about ten seconds" if is_default else f"{self.seconds:g} seconds"


def find_prompt_limit(model: str, measure_rate: Callable[[], float]) -> int:
    """How many tokens a model reads in about ten seconds, measured if not known yet."""
    with LOCK:
        known = _load_limits().get(model)
        if known:
            return known[0]
        limit = round_limit(measure_rate() * READING_SECONDS)
        _save_limit(model, limit, 0)
        return limit


def round_limit(tokens: float) -> int:
    """The largest power of two not above a number of tokens, within bounds."""
    bounded = min(max(int(tokens), MIN_PROMPT_TOKENS), MAX_PROMPT_TOKENS)
    return 1 << (bounded.bit_length() - 1)


def adjust_prompt_limit(model: str, tokens: int, seconds: float) -> None:
    """Adjust a known limit to an answer whose prompt took this long to read."""
    known = _load_limits().get(model)
    if known is None or tokens < MIN_MEASURED_TOKENS or seconds <= 0:
        return
    limit, trend = known
    possible = min(tokens / seconds * READING_SECONDS, MAX_PROMPT_TOKENS)
    # A limit may be half of what is possible: a small difference is not worth a new prompt.
    direction = (possible >= 4 * limit) - (possible < limit / 2 and limit > MIN_PROMPT_TOKENS)
    moved = trend + direction if trend * direction >= 0 and direction else direction
    if abs(moved) >= ANSWERS_TO_MOVE:
        limit, moved = (limit * 2 if direction > 0 else limit // 2), 0
    if (limit, moved) != known:
        _save_limit(model, limit, moved)


def limits_path() -> Path:
    """The file with the limit of each model, latest last."""
    return data_dir() / "prompt_limits.json"


def _load_limits() -> Mapping[str, tuple[int, int]]:
    """Each limit, and how many consecutive answers contradicted it; empty for a damaged file."""
    try:
        values = json.loads(limits_path().read_bytes())
        limits = {str(name): (int(limit), int(trend)) for name, (limit, trend) in values.items()}
    except (OSError, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return {}
    return {
        name: (limit, trend)
        for name, (limit, trend) in limits.items()
        if MIN_PROMPT_TOKENS <= limit <= MAX_PROMPT_TOKENS
    }


def _save_limit(model: str, limit: int, trend: int) -> None:
    """Store a limit, if that can be written."""
    limits = {name: value for name, value in _load_limits().items() if name != model}
    latest = [*limits.items(), (model, (limit, trend))][-MAX_REMEMBERED_LIMITS:]
    with suppress(OSError):
        replace_text(limits_path(), json.dumps(dict(latest), indent=1) + "\n")
