"""How fast each model reads on this machine, remembered from its last answers.

It is a convenience: where nothing is known or can be written, a cautious guess has to do.
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from starcoder_cli.settings import data_dir

GUESS = 100.0
"""Tokens each second, about what a small model reads on two cores."""

LEAST, MOST = 5.0, 100_000.0
LEAST_TOKENS = 200
"""Below so many tokens, what is measured is how an engine starts."""

MOST_MODELS = 50


def tokens_per_second(model: str) -> float:
    """How many tokens a model reads in a second, as far as that is known."""
    return read().get(model, GUESS)


def remember(model: str, tokens: int, seconds: float) -> None:
    """Take the time until the first token of an answer into account, half as much as all before."""
    if tokens < LEAST_TOKENS or seconds <= 0:
        return
    known = dict(read())
    rate = tokens / seconds
    earlier = known.pop(model, rate)
    known[model] = round(min(max((earlier + rate) / 2, LEAST), MOST), 1)
    with suppress(OSError):
        write(dict(list(known.items())[-MOST_MODELS:]))


def file_path() -> Path:
    """The file with the speed of each model, the latest last."""
    return data_dir() / "speeds.json"


def read() -> Mapping[str, float]:
    """What the file says; nothing where it is missing or damaged."""
    try:
        values = json.loads(file_path().read_bytes())
        found = {str(name): float(rate) for name, rate in values.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}
    return {name: rate for name, rate in found.items() if LEAST <= rate <= MOST}


def write(rates: Mapping[str, float]) -> None:
    """Replace the file, which is never seen half-written."""
    path = file_path()
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        draft.write_text(json.dumps(rates, indent=1) + "\n", encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
