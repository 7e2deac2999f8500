"""Find the part of a text most similar to the code near a hole."""

import re
from collections.abc import Mapping

from starcoder_cli.context.snippets import ContextSnippet
from starcoder_cli.model import Hole

SNIPPET_LINES, SNIPPET_STEP_LINES = 16, 8
MIN_SHARED_NAMES = 3


def find_most_similar(
    path: str, text: str, name_weights: Mapping[str, float]
) -> ContextSnippet | None:
    """The lines whose names weigh most; None if they share hardly any of the names."""
    lines = text.rstrip("\n").split("\n")
    shared_names = [set(NAME_PATTERN.findall(line)) & name_weights.keys() for line in lines]
    starts = range(0, max(1, len(lines) - SNIPPET_LINES + SNIPPET_STEP_LINES), SNIPPET_STEP_LINES)
    windows = [
        (start, set[str]().union(*shared_names[start : start + SNIPPET_LINES])) for start in starts
    ]
    start, names = max(windows, key=lambda window: sum(name_weights[name] for name in window[1]))
    if len(names) < MIN_SHARED_NAMES:
        return None
    kept = lines[start : start + SNIPPET_LINES]
    return ContextSnippet(path, "\n".join(kept), start + 1, start + len(kept))


NAME_PATTERN = re.compile(r"[^\W\d]\w{2,}")
LINES_BEFORE, LINES_AFTER = 40, 20
"""This many lines before and after a hole count as near."""

HALF_WEIGHT_LINES = 10
"""The distance in lines at which a name matters half as much."""


def weigh_nearby_names(hole: Hole) -> Mapping[str, float]:
    """The names around a hole, each weighted by at most 1: the nearer, the higher."""
    before = hole.prefix.split("\n")[-LINES_BEFORE:]
    after = hole.suffix.split("\n")[:LINES_AFTER]
    weights: dict[str, float] = {}
    for lines in (list(reversed(before)), after):
        for distance, line in enumerate(lines):
            for name in NAME_PATTERN.findall(line):
                weights[name] = max(
                    weights.get(name, 0.0), HALF_WEIGHT_LINES / (HALF_WEIGHT_LINES + distance)
                )
    return weights
