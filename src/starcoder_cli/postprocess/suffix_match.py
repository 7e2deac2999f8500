"""Where an answer goes on into the text behind its hole, line by line."""

import re
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

MAX_LINES = 8
"""Lines of a suffix that are looked at, blank ones left out."""

MAX_MATCHES = 8
MIN_SIMILARITY = 0.6
MAX_SIMILAR_CHARACTERS = 120
LIKELY_CHARACTERS = 8
CERTAIN_LINES, CERTAIN_CHARACTERS = 3, 20
WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class SuffixMatch:
    """A place in an answer from which its lines are those of the suffix, so far `count` of them.

    One that is not `exact` has the first of them in other words.
    """

    position: int
    count: int
    exact: bool = True


class SuffixMatcher:
    """Reads the lines of an answer that are not blank, each with where it begins."""

    def __init__(self, lines: list[str]) -> None:
        """The lines of the suffix that are not blank, the first with what is before the hole."""
        self.matches: list[SuffixMatch] = []
        self._lines = lines[:MAX_LINES]
        self._has_more = len(lines) > MAX_LINES

    def feed(self, line: str, position: int) -> bool:
        """Whether a match begins with this line."""
        line = line.rstrip()
        self.matches = [
            replace(match, count=match.count + 1)
            for match in self.matches
            if match.count < len(self._lines) and self._lines[match.count] == line
        ]
        if not self._lines or len(self.matches) >= MAX_MATCHES:
            return False
        exact = self._lines[0] == line
        may_be_similar = not self._has_more and len(self._lines) > 1
        begins = exact or (may_be_similar and are_similar(self._lines[0], line))
        if begins:
            self.matches.append(SuffixMatch(position, 1, exact))
        return begins

    def feed_unfinished(self, line: str, position: int) -> bool:
        """As `feed`, for the last line, which may be the beginning of one of the suffix."""
        line = line.rstrip()
        if line in self._lines:
            return self.feed(line, position)
        self.matches = [
            match
            for match in self.matches
            if match.count >= len(self._lines) or self._lines[match.count].startswith(line)
        ]
        return False

    def may_begin(self, line: str) -> bool:
        """Whether a line that has only begun can be the suffix's first."""
        if not self._lines:
            return False
        first = self._lines[0]
        may_be_similar = not self._has_more and len(self._lines) > 1
        return first.startswith(line.rstrip()) or (may_be_similar and stand_equally(first, line))

    def certain(self) -> SuffixMatch | None:
        """The first match that is no coincidence: of all the suffix, or of several lines.

        Of all the suffix the first line may be in other words.
        """
        return next((match for match in self.matches if self._is_certain(match)), None)

    def likely(self) -> SuffixMatch | None:
        """The first match that goes on, with a line that says something."""
        return next(
            (
                match
                for match in self.matches
                if match.exact and self._characters(match, 2) >= LIKELY_CHARACTERS
            ),
            None,
        )

    def _is_certain(self, match: SuffixMatch) -> bool:
        if match.count == len(self._lines) and not self._has_more:
            says_something = self._characters(match, 2) >= LIKELY_CHARACTERS
            return says_something or (match.count > 1 and self._characters(match, 1) > 0)
        return (
            match.exact
            and match.count >= CERTAIN_LINES
            and self._characters(match, 1) >= CERTAIN_CHARACTERS
        )

    def _characters(self, match: SuffixMatch, words: int) -> int:
        """The characters of the lines of a match that have so many words."""
        lines = (line.strip() for line in self._lines[not match.exact : match.count])
        return sum(len(line) for line in lines if len(WORD.findall(line)) >= words)


def are_similar(line: str, other: str) -> bool:
    """Whether two lines stand equally deep and have most of their characters in common."""
    texts = line.strip(), other.strip()
    if not stand_equally(line, other) or max(map(len, texts)) > MAX_SIMILAR_CHARACTERS:
        return False
    return SequenceMatcher(None, *texts).ratio() >= MIN_SIMILARITY


def stand_equally(line: str, other: str) -> bool:
    """Whether two lines with text begin with the same white space."""
    indents = [text[: len(text) - len(text.lstrip())] for text in (line, other)]
    return bool(line.strip() and other.strip()) and indents[0] == indents[1]
