"""How fast each model reads on this machine, learned from its last answers.

This is a convenience: if nothing is known or can be written, a cautious guess is used.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from starcoder_cli.files.small import replace_text
from starcoder_cli.settings import data_dir

DEFAULT_TOKENS_PER_SECOND = 100.0
"""Tokens per second, about what a small model reads on two cores."""

MIN_TOKENS_PER_SECOND, MAX_TOKENS_PER_SECOND = 5.0, 100_000.0
MIN_MEASURED_TOKENS = 200
"""With fewer tokens the measurement would be of the engine's startup."""

MAX_REMEMBERED_MODELS = 150


def tokens_per_second(model: str) -> float:
    """A model's reading speed, or a default if it is unknown."""
    return load_speeds().get(model, DEFAULT_TOKENS_PER_SECOND)


def record_reading(model: str, tokens: int, seconds: float) -> None:
    """Include a measurement in a model's speed, weighted like all before it together.

    A reading of fewer than MIN_MEASURED_TOKENS tokens is ignored.
    """
    if tokens < MIN_MEASURED_TOKENS or seconds <= 0:
        return
    speeds = dict(load_speeds())
    rate = tokens / seconds
    previous = speeds.pop(model, rate)
    speeds[model] = round(
        min(max((previous + rate) / 2, MIN_TOKENS_PER_SECOND), MAX_TOKENS_PER_SECOND), 1
    )
    with suppress(OSError):
        latest = dict(list(speeds.items())[-MAX_REMEMBERED_MODELS:])
        replace_text(speeds_path(), json.dumps(latest, indent=1) + "\n")


def speeds_path() -> Path:
    """The file with the speed of each model, latest last."""
    return data_dir() / "speeds.json"


def load_speeds() -> Mapping[str, float]:
    """The contents of the file; empty if it is missing or damaged."""
    try:
        values = json.loads(speeds_path().read_bytes())
        speeds = {str(name): float(rate) for name, rate in values.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}
    return {
        name: rate
        for name, rate in speeds.items()
        if MIN_TOKENS_PER_SECOND <= rate <= MAX_TOKENS_PER_SECOND
    }
