"""Whether work takes time in proportion to a text, or to its square: no machine's speed counts."""

import time
from collections.abc import Callable

CHARACTERS = 1500
TIMES_LONGER = 8
GENEROUS = 3
"""Work that grows with the square takes 64 times as long, and no more than 24 are allowed."""

HOSTILE_UNITS = (
    *(".", " ", "a", "A", "1", ",", ";", "=", "?", "*", "/", "\\", "::", "-", "[", "\t "),
    *("(", ")", "{", "<", '"', "'", "){", ") ", "{ ", "()", "a ", "a, ", "a.", "a(", ". ", "eyJ-"),
)


def grows_linearly(
    look: Callable[[str], object], head: str, unit: str, characters: int = CHARACTERS
) -> bool:
    """Whether a line that repeats a unit is looked at in time that is proportional to it."""
    short, long = (
        min(processor_seconds(look, head + unit * (length // len(unit)) + "!") for _ in range(3))
        for length in (characters, characters * TIMES_LONGER)
    )
    return long <= short * TIMES_LONGER * GENEROUS


def processor_seconds(look: Callable[[str], object], text: str) -> float:
    """How long this thread computes: what else the machine does is not counted."""
    begin = time.thread_time()
    look(text)
    return time.thread_time() - begin
