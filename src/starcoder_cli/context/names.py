"""The names that are used near a hole, and how much each matters."""

import re
from collections.abc import Mapping

from starcoder_cli.source import Hole

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
