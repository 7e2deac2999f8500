"""Where an answer leaves the block that its hole is in."""

import re

from starcoder_cli.postprocess.hole_lines import HoleLines
from starcoder_cli.postprocess.soundness import BEGINS_BY_CLOSING

BESIDE = re.compile(r"\s*(#|//|/\*|--|;|%|!|<!--|\{[%#-]|\(\*|\.\w+:|\d+:)")
"""Comments, directives and local labels, which stand at the margin in the middle of a block too."""


class BlockEnds:
    """Reads an answer line by line."""

    def __init__(self, hole: HoleLines) -> None:
        self.beside: int | None = None
        """Where lines began that may belong to the block or to what comes after it."""
        self._hole, self._needs_closer = hole, hole.is_bracketed

    def feed(self, line: str, position: int, answer_indent: int | None) -> int | None:
        """Where the block ended, if a line at a position is after it.

        Comments before a line that closes the block are in it, those before others are not.
        """
        is_left = self._hole.is_left_of_block(line, answer_indent)
        if is_left and BESIDE.match(line):
            self.beside = position if self.beside is None else self.beside
            return None
        is_closing = bool(BEGINS_BY_CLOSING.match(line))
        start = position if is_closing or self.beside is None else self.beside
        self.beside = None
        self._needs_closer &= not (is_left and is_closing)
        return start if is_left and not self._needs_closer else None
