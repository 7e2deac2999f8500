"""Lines that new code leaves out of the code it is to replace: an excerpt is not the whole.

Lines are paired with those they came from. What was between two pairs is gone if only comments are
in its place, and rewritten if code is.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from starcoder_cli.languages import Language
from starcoder_cli.postprocess.lexical import find_keywords, read_pieces
from starcoder_cli.postprocess.omission import hints_at_omission
from starcoder_cli.system.matching import match_sequences

WORD = re.compile(r"\w+")
MIN_LIKENESS = 0.5
"""A changed line shares at least this much with its original: twice the words of both over all."""

MIN_COMMON_SHARE = 0.3
"""Rewritten code shares more than this share of its words with what it replaces."""

MAX_COMPARED_PAIRS = 20_000
"""Parts with more pairs of lines than this are not compared line by line."""

MIN_LOST_LINES = 3
MIN_LOST_EDGE = 2
"""This many lines at an end of the code, or that a comment says are left out, count as lost."""

MIN_UNSAID_LINES = 3
"""This many lines of code are lost if a comment that says something else is all there is."""

COMMENT_MARKS = {
    "text": ("#", "//", ";", "...", "…"),
    "markdown": ("<!--", "...", "…"),
    "rst": (".. ", "...", "…"),
}
PUNCTUATION = re.compile(r"[\W_]*")


@dataclass(frozen=True)
class Line:
    """A line with words in it: its text without surrounding white space, its number, its indent."""

    text: str
    number: int
    indent: int
    is_comment: bool

    @cached_property
    def words(self) -> frozenset[str]:
        """Its words and numbers."""
        return frozenset(WORD.findall(self.text))


@dataclass(frozen=True)
class Gap:
    """What is between two pairs of lines: those that are gone, and those in their place.

    Of the lines that are gone, `lost` have a word that is nowhere in the new code. Of the words,
    the `keywords` of the language say nothing about where a line came from.
    """

    gone: Sequence[Line]
    put: Sequence[Line]
    lost: Sequence[Line]
    is_edge: bool
    keywords: frozenset[str]

    @property
    def is_open(self) -> bool:
        """Whether lines are gone without any code in their place that could have come from them."""
        put = {word for line in self.put if not line.is_comment for word in line.words}
        put -= self.keywords
        gone = {word for line in self.gone for word in line.words}
        return bool(self.gone) and len(put & gone) <= MIN_COMMON_SHARE * len(put)


@dataclass(frozen=True)
class Loss:
    """Lines that are gone, and the comment in their place, if there is one."""

    lines: Sequence[Line]
    comment: str = ""


class Comparison:
    """Some code beside the new code that is to replace it."""

    def __init__(self, original: str, text: str, language: Language) -> None:
        self.original, self.text = original, text
        self.old, self.new = (read_lines(each, language) for each in (original, text))
        self.pairs = pair_lines(self.old, self.new)
        self._keywords = find_keywords(f"{original}\n{text}", language)

    @cached_property
    def gaps(self) -> Sequence[Gap]:
        """What is before, between and after the pairs."""
        known = frozenset(word for line in self.new for word in line.words)
        gaps = []
        for (old_start, new_start), (old_end, new_end) in pairwise(
            [(-1, -1), *self.pairs, (len(self.old), len(self.new))]
        ):
            gone = self.old[old_start + 1 : old_end]
            lost = [line for line in gone if line.words - known]
            put = self.new[new_start + 1 : new_end]
            is_edge = old_start < 0 or old_end == len(self.old)
            gaps.append(Gap(gone, put, lost, is_edge, self._keywords))
        return gaps

    @property
    def is_other_code(self) -> bool:
        """Whether no line is the same."""
        return not any(self.old[one].text == self.new[other].text for one, other in self.pairs)

    @property
    def open_gaps(self) -> Sequence[Gap]:
        """The gaps whose lines are gone with nothing in their place."""
        return [gap for gap in self.gaps if gap.is_open]

    def find_losses(self) -> list[Loss]:
        """Lines that are left out, as from an excerpt.

        If no line is the same, it is other code: only a comment can then say that some is left out.
        """
        losses = [loss for gap in self.gaps if (loss := self._find_commented(gap))]
        if self.is_other_code:
            return losses
        bare = [
            gap
            for gap in self.open_gaps
            if not gap.put and any(not (line.indent or line.is_comment) for line in gap.lost)
        ]
        edges = [gap for gap in bare if gap.is_edge]
        is_excerpt = sum(len(gap.gone) for gap in edges) >= MIN_LOST_EDGE
        middle = [gap for gap in bare if not gap.is_edge and len(gap.gone) >= MIN_LOST_LINES]
        return [Loss(gap.gone) for gap in (*(edges if is_excerpt else ()), *middle)] + losses

    def _find_commented(self, gap: Gap) -> Loss | None:
        """What a comment at the end of a gap stands for."""
        if not gap.put or not gap.put[-1].is_comment or gap.put[-1].text in self.original:
            return None
        comment = gap.put[-1].text
        code = [line for line in gap.lost if not line.is_comment]
        new_code = sum(not line.is_comment for line in gap.put)
        least = MIN_LOST_EDGE if hints_at_omission(comment) else MIN_UNSAID_LINES
        return Loss(gap.gone, comment) if len(code) >= least + new_code else None


def read_lines(text: str, language: Language) -> list[Line]:
    """The lines of a text that have a word."""
    whole = text.expandtabs().split("\n")
    comments = comment_lines(text, language)
    indents = [len(line) - len(line.lstrip()) for line in whole if line.strip()]
    least = min(indents, default=0)
    return [
        Line(line.strip(), number, len(line) - len(line.lstrip()) - least, number in comments)
        for number, line in enumerate(whole)
        if WORD.search(line)
    ]


def comment_lines(text: str, language: Language) -> frozenset[int]:
    """The numbers of the lines that contain a comment and otherwise only punctuation."""
    if marks := COMMENT_MARKS.get(language.lexer):
        lines = enumerate(text.split("\n"))
        return frozenset(number for number, line in lines if line.strip().startswith(marks))
    code, comments = set[int](), set[int]()
    number = 0
    for kind, piece in read_pieces(text, language):
        for offset, part in enumerate(piece.split("\n")):
            if kind == "comment" and part.strip():
                comments.add(number + offset)
            elif not PUNCTUATION.fullmatch(part):
                code.add(number + offset)
        number += piece.count("\n")
    return frozenset(comments - code)


def pair_lines(old: Sequence[Line], new: Sequence[Line]) -> list[tuple[int, int]]:
    """Which line came from which, in order: equal ones, and similar ones between them."""
    pairs = list[tuple[int, int]]()
    matcher = match_sequences([line.text for line in old], [line.text for line in new])
    for kind, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        if kind == "equal":
            pairs += zip(range(old_start, old_end), range(new_start, new_end), strict=True)
        elif kind == "replace":
            alike = pair_alike(old[old_start:old_end], new[new_start:new_end])
            pairs += ((old_start + one, new_start + other) for one, other in alike)
    return pairs


def pair_alike(old: Sequence[Line], new: Sequence[Line]) -> list[tuple[int, int]]:
    """The longest ordered sequence of pairs of similar lines."""
    if len(old) * len(new) > MAX_COMPARED_PAIRS:
        return []
    longest = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]  # from each pair on
    for one in reversed(range(len(old))):
        for other in reversed(range(len(new))):
            longest[one][other] = max(longest[one + 1][other], longest[one][other + 1])
            if are_alike(old[one], new[other]):
                with_pair = 1 + longest[one + 1][other + 1]
                longest[one][other] = max(longest[one][other], with_pair)
    pairs = list[tuple[int, int]]()
    one = other = 0
    while one < len(old) and other < len(new):
        with_pair = 1 + longest[one + 1][other + 1]
        if longest[one][other] == with_pair and are_alike(old[one], new[other]):
            pairs.append((one, other))
            one, other = one + 1, other + 1
        elif longest[one][other] == longest[one + 1][other]:
            one += 1
        else:
            other += 1
    return pairs


def are_alike(old: Line, new: Line) -> bool:
    """Whether a line may have become another: most words are the same, including the first."""
    first, other = WORD.search(old.text), WORD.search(new.text)
    if not first or not other or first[0] != other[0]:
        return False
    return 2 * len(old.words & new.words) >= MIN_LIKENESS * (len(old.words) + len(new.words))
