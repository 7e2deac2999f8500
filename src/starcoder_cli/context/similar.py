"""The part of a text that is most like what stands near a hole."""

from collections.abc import Mapping

from starcoder_cli.context.names import NAME
from starcoder_cli.context.snippet import Snippet

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
