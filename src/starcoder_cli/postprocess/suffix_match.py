"""Where an answer continues into the text after its hole, line by line."""

import re
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import takewhile

MAX_LINES = 8
"""How many lines of a suffix are looked at, not counting blank ones."""

MAX_MATCHES = 8
MIN_SIMILARITY = 0.6
MAX_SIMILAR_CHARACTERS = 120
LIKELY_CHARACTERS = 8
CERTAIN_LINES, CERTAIN_CHARACTERS = 3, 20
WORD, CALLED = re.compile(r"\w+"), re.compile(r"\b\w++(?=\()")


@dataclass(frozen=True)
class SuffixMatch:
    """A place in an answer from which `count` lines so far are those of the suffix.

    If it is not `exact`, the first of them is in other words. If it `is_first`, the answer has
    nothing before it.
    """

    position: int
    count: int
    exact: bool = True
    is_first: bool = False


class SuffixMatcher:
    """Reads the lines of an answer that are not blank, each with where it begins.

    `lines` are those of the suffix that are not blank, the first preceded by what is before the
    hole; `rest` is the part on the hole's own line. `certain_lines` of them in a row are no
    coincidence.
    """

    def __init__(
        self, lines: list[str], rest: str = "", certain_lines: int = CERTAIN_LINES
    ) -> None:
        self.matches: list[SuffixMatch] = []
        self._lines, self._rest = lines[:MAX_LINES], rest
        self._certain_lines = min(certain_lines, MAX_LINES)
        self._has_more = len(lines) > MAX_LINES
        self._is_first, self._first_position = True, -1

    def feed(self, line: str, position: int) -> int | None:
        """Where the suffix may begin, according to this line; None if it reveals nothing new.

        A rest of a line without a word is too little to go by: the next line must match as well.
        """
        line = line.rstrip()
        self.matches = [
            replace(match, count=match.count + 1)
            for match in self.matches
            if match.count < len(self._lines) and self._lines[match.count] == line
        ]
        is_first, self._is_first = self._is_first, False
        if not self._lines or len(self.matches) >= MAX_MATCHES:
            return None
        exact = self._lines[0] == line
        ends_alike = bool(self._rest) and line.endswith(self._rest)
        if ends_alike:  # the first line of an answer is read with what is before the hole
            position += len(line) - len(self._rest if position else self._lines[0])
        may_be_similar = not self._has_more and len(self._lines) > 1
        if exact or ends_alike:
            is_first = is_first and exact
            self._first_position = position if is_first else self._first_position
            self.matches.append(SuffixMatch(position, 1, is_first=is_first))
            if exact or WORD.search(self._rest):
                return position
        elif may_be_similar and not is_first and are_similar(self._lines[0], line):
            self.matches.append(SuffixMatch(position, 1, exact=False))
            return position
        second = (match.position for match in self.matches if match.count == 2 and self._rest)
        return next(second, None)

    def skip(self, line: str, position: int) -> None:
        """Note a line that begins after code: no line after it is an answer's first."""
        self._is_first = False

    def feed_unfinished(self, line: str, position: int) -> int | None:
        """As `feed`, for the last line, which may be the beginning of one of the suffix."""
        line = line.rstrip()
        if line in self._lines or (self._rest and line.endswith(self._rest)):
            return self.feed(line, position)
        self.matches = [
            match
            for match in self.matches
            if match.count >= len(self._lines) or self._lines[match.count].startswith(line)
        ]
        return None

    def may_begin(self, line: str) -> bool:
        """Whether a line that has only begun can be the suffix's first."""
        if not self._lines or self._rest:
            return bool(self._lines)
        first = self._lines[0]
        may_be_similar = not self._has_more and len(self._lines) > 1
        return first.startswith(line.rstrip()) or (may_be_similar and stand_equally(first, line))

    def certain(self) -> SuffixMatch | None:
        """The first match that is no coincidence: of all the suffix, or of several lines.

        In a match of all the suffix, the first line may be in other words.
        """
        return next((match for match in self.matches if self._is_certain(match)), None)

    def likely(self) -> SuffixMatch | None:
        """The first match in progress that includes a meaningful line.

        One that leaves nothing of the answer has to be certain.
        """
        return next(filter(self._is_likely, self.matches), None)

    @property
    def waits(self) -> bool:
        """Whether only the next line can tell if the last ended with the rest of the hole's."""
        is_weak = bool(self._rest) and not WORD.search(self._rest)
        return is_weak and any(match.count == 1 for match in self.matches)

    def may_stand(self, position: int) -> bool:
        """Whether the suffix may still begin there, and the text did not merely begin like it."""
        goes_on = any(match.position == position for match in self.matches)
        return goes_on or position != self._first_position

    def _is_likely(self, match: SuffixMatch) -> bool:
        if match.is_first:
            return self._is_certain(match)
        return match.exact and self._characters(match, 2) >= LIKELY_CHARACTERS

    def _is_certain(self, match: SuffixMatch) -> bool:
        if match.count == len(self._lines) and not self._has_more:
            says_something = self._characters(match, 2) >= LIKELY_CHARACTERS
            return says_something or (match.count > 1 and self._characters(match, 1) > 0)
        lines = MAX_LINES if match.is_first else self._certain_lines
        return (
            match.exact
            and match.count >= lines
            and self._characters(match, 1) >= CERTAIN_CHARACTERS
        )

    def _characters(self, match: SuffixMatch, words: int) -> int:
        """The number of characters in a match's lines that have at least `words` words."""
        lines = (line.strip() for line in self._lines[not match.exact : match.count])
        return sum(len(line) for line in lines if len(WORD.findall(line)) >= words)


def count_certain_lines(lines: list[str], before: list[str]) -> int:
    """How many lines of a suffix are no coincidence: more than occur elsewhere in the file.

    `before` are the lines of the prefix that are not blank.
    """
    longest = 0
    for others in (before, lines[1:]):
        for start, line in enumerate(others):
            if [line] == lines[:1]:
                pairs = zip(lines[:MAX_LINES], others[start : start + MAX_LINES], strict=False)
                same = takewhile(lambda pair: pair[0] == pair[1], pairs)
                longest = max(longest, sum(1 for _ in same))
    return max(CERTAIN_LINES, longest + 1)


def are_similar(line: str, other: str) -> bool:
    """Whether two lines are equally deep and have most of their characters in common.

    Those that define or call something different, like adjacent functions, are not.
    """
    texts = line.strip(), other.strip()
    if not stand_equally(line, other) or max(map(len, texts)) > MAX_SIMILAR_CHARACTERS:
        return False
    if CALLED.findall(line)[:1] != CALLED.findall(other)[:1]:
        return False
    return SequenceMatcher(None, *texts).ratio() >= MIN_SIMILARITY


def stand_equally(line: str, other: str) -> bool:
    """Whether two lines with text begin with the same white space."""
    indents = [text[: len(text) - len(text.lstrip())] for text in (line, other)]
    return bool(line.strip() and other.strip()) and indents[0] == indents[1]
