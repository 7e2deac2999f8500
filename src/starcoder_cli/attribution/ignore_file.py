"""`.starcoderignore`: which files of a project their owner does not want in an index.

The patterns are those of .gitignore: a line each, the last that fits counts, `!` takes back, a
slash at the end means folders, a slash elsewhere ties the pattern to the root.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

NAME = ".starcoderignore"
MOST_LINES = 1000
ANY = "**"


@dataclass(frozen=True)
class Ignore:
    """The lines of such a file, and what they keep out."""

    lines: tuple[str, ...] = ()

    @classmethod
    def parse(cls, data: bytes) -> "Ignore":
        """From the bytes of the file."""
        lines = data.decode("utf-8", "replace").splitlines()[:MOST_LINES]
        return cls(tuple(line.rstrip() for line in lines if line.strip() and line[0] != "#"))

    def covers(self, name: str) -> bool:
        """Whether a file is to stay out, by itself or with a folder that it is in."""
        steps = name.split("/")
        folders = range(1, len(steps))
        return any(self._verdict(steps[:count], True) for count in folders) or self._verdict(
            steps, False
        )

    def _verdict(self, steps: Sequence[str], is_folder: bool) -> bool:
        """What the last line that fits says."""
        for line in reversed(self.lines):
            body = line.removeprefix("!")
            if (is_folder or not body.endswith("/")) and fits(body.rstrip("/"), steps):
                return body == line
        return False


def fits(pattern: str, steps: Sequence[str]) -> bool:
    """Whether a pattern fits a path from the root, in a time that grows with both lengths."""
    parts = pattern.lstrip("/").split("/")
    if "/" not in pattern:
        parts.insert(0, ANY)
    reached = {0}
    for part in parts:
        if part == ANY:
            reached = set(range(min(reached), len(steps) + 1))
        else:
            left = (at for at in reached if at < len(steps))
            reached = {at + 1 for at in left if fnmatchcase(steps[at], part)}
        if not reached:
            return False
    return len(steps) in reached
