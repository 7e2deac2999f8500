"""The part of a text that is most like what stands near a hole."""

import re
from collections.abc import Mapping

from starcoder_cli.context.snippets import Snippet
from starcoder_cli.files.source import Hole

WINDOW, STEP = 16, 8
LEAST_NAMES = 3


def closest(path: str, text: str, near: Mapping[str, float]) -> Snippet | None:
    """The lines that have most of the near names in common; None where they have hardly any."""
    lines = text.rstrip("\n").split("\n")
    shared = [set(NAME.findall(line)) & near.keys() for line in lines]
    starts = range(0, max(1, len(lines) - WINDOW + STEP), STEP)
    parts = [(start, set[str]().union(*shared[start : start + WINDOW])) for start in starts]
    start, names = max(parts, key=lambda part: sum(near[name] for name in part[1]))
    if len(names) < LEAST_NAMES:
        return None
    kept = lines[start : start + WINDOW]
    return Snippet(path, "\n".join(kept), start + 1, start + len(kept))


NAME = re.compile(r"[^\W\d]\w{2,}")
BEFORE, AFTER = 40, 20
"""So many lines before and after a hole count as near."""

HALF = 10
"""At so many lines from the hole a name matters half as much."""


def near(hole: Hole) -> Mapping[str, float]:
    """The names around a hole, each with a weight of at most 1: the nearer, the higher."""
    before = hole.prefix.split("\n")[-BEFORE:]
    after = hole.suffix.split("\n")[:AFTER]
    found: dict[str, float] = {}
    for lines in (list(reversed(before)), after):
        for away, line in enumerate(lines):
            for name in NAME.findall(line):
                found[name] = max(found.get(name, 0.0), HALF / (HALF + away))
    return found
