"""`.starcoderignore`: which files of a project their owner does not want in an index.

The patterns are those of .gitignore: a line each, the last that fits counts, `!` takes back, a
slash at the end means folders, a slash elsewhere ties the pattern to the root.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

IGNORE_FILE_NAME = ".starcoderignore"
MAX_IGNORE_LINES = 1000
DOUBLE_STAR = "**"


@dataclass(frozen=True)
class IgnoreRules:
    """The lines of such a file, and what they keep out."""

    patterns: tuple[str, ...] = ()

    @classmethod
    def parse(cls, data: bytes) -> "IgnoreRules":
        """From the bytes of the file."""
        lines = data.decode("utf-8", "replace").splitlines()[:MAX_IGNORE_LINES]
        return cls(tuple(line.rstrip() for line in lines if line.strip() and line[0] != "#"))

    def excludes(self, name: str) -> bool:
        """Whether a file is to stay out, by itself or with a folder that it is in."""
        segments = name.split("/")
        folders = range(1, len(segments))
        return any(
            self._is_excluded(segments[:count], True) for count in folders
        ) or self._is_excluded(segments, False)

    def _is_excluded(self, segments: Sequence[str], is_folder: bool) -> bool:
        """What the last line that fits says."""
        for pattern in reversed(self.patterns):
            positive = pattern.removeprefix("!")
            if (is_folder or not positive.endswith("/")) and is_pattern_match(
                positive.rstrip("/"), segments
            ):
                return positive == pattern
        return False


def is_pattern_match(pattern: str, segments: Sequence[str]) -> bool:
    """Whether a pattern fits a path from the root, in a time that grows with both lengths."""
    pattern_segments = pattern.lstrip("/").split("/")
    if "/" not in pattern:
        pattern_segments.insert(0, DOUBLE_STAR)
    positions = {0}
    for pattern_segment in pattern_segments:
        if pattern_segment == DOUBLE_STAR:
            positions = set(range(min(positions), len(segments) + 1))
        else:
            open_positions = (position for position in positions if position < len(segments))
            positions = {
                position + 1
                for position in open_positions
                if fnmatchcase(segments[position], pattern_segment)
            }
        if not positions:
            return False
    return len(segments) in positions
