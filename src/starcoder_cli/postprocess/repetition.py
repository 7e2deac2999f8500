"""Answers that go round in circles."""

import re

MAX_BLOCK_LINES = 4
EQUAL_LINES, SIMILAR_LINES = 8, 16
"""How many lines repeat an earlier block, either exactly or except for numbers."""

NUMBER = re.compile(r"\d+")


class RepetitionCheck:
    """Reads an answer line by line.

    `is_suspicious` says that the latest lines repeat an earlier block, and `count_start` where too
    many lines began to differ only in numbers: a list, unless the answer is cut off in it.
    """

    def __init__(self) -> None:
        self.is_suspicious = False
        self.count_start: int | None = None
        self._lines: list[str] = []
        self._equal = [0] * (MAX_BLOCK_LINES + 1)  # how many latest lines repeat, by block length
        self._similar = [0] * (MAX_BLOCK_LINES + 1)

    def feed(self, line: str, position: int) -> bool:
        """Whether the latest lines, including this one, are the same over and over."""
        line = line.rstrip()
        is_circle = is_counting = False
        for length in range(1, MAX_BLOCK_LINES + 1):
            earlier = self._lines[-length] if length <= len(self._lines) else None
            is_similar = earlier is not None and mask_numbers(earlier) == mask_numbers(line)
            self._equal[length] = self._equal[length] + 1 if earlier == line else 0
            self._similar[length] = self._similar[length] + 1 if is_similar else 0
            is_equal = self._equal[length] >= max(EQUAL_LINES - 1, 3 * length)
            is_circle |= is_equal and not line.endswith(",")  # rows of a table may well be equal
            is_counting |= self._similar[length] >= max(SIMILAR_LINES - 1, 4 * length)
        start = position if self.count_start is None else self.count_start
        self.count_start = start if is_counting else None
        self._lines = [*self._lines[1 - MAX_BLOCK_LINES :], line]
        self.is_suspicious = (
            max(self._equal) >= EQUAL_LINES // 2 or max(self._similar) >= SIMILAR_LINES // 2
        )
        return is_circle


def mask_numbers(line: str) -> str:
    """A line with all its numbers replaced by 0."""
    return NUMBER.sub("0", line)
