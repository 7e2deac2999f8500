"""Lines that new code leaves out of the code it is to replace: an excerpt is no whole.

Lines are paired with those they came from. Where nothing but comments stands between two pairs,
the lines that were there are gone.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from itertools import pairwise

from starcoder_cli.languages import Language
from starcoder_cli.postprocess.lexical import read_pieces

WORD = re.compile(r"\w+")
MIN_LIKENESS = 0.5
"""A changed line has so much in common with what it was: twice the words of both over all."""

MAX_COMPARED_PAIRS = 20_000
"""Parts with more pairs of lines than that are not compared line by line."""

MIN_LOST_LINES = 3
MIN_LOST_EDGE = 2
"""So many lines at an end of the code, or of those that a comment stands for, are a loss."""

COMMENT_MARKS = {
    "text": ("#", "//", ";", "...", "…"),
    "markdown": ("<!--", "...", "…"),
    "rst": (".. ", "...", "…"),
}
PUNCTUATION = re.compile(r"[\W_]*")


@dataclass(frozen=True)
class Line:
    """A line with words in it: its text without white space around it, its indentation."""

    text: str
    indent: int
    is_comment: bool = False

    @cached_property
    def words(self) -> frozenset[str]:
        """Its words and numbers."""
        return frozenset(WORD.findall(self.text))


@dataclass(frozen=True)
class Loss:
    """Lines that are gone, and the comment in their place, if there is one."""

    lines: tuple[Line, ...]
    comment: str = ""


def find_losses(text: str, original: str, language: Language) -> list[Loss]:
    """What of the original is in no line of new code, wherever nothing is in its place.

    Where no line is the same it is other code, of which only a comment tells that it lacks some.
    """
    old, new = read_lines(original), read_lines(text, language)
    pairs = list(pair_lines(old, new))
    is_other_code = not any(old[one].text == new[other].text for one, other in pairs)
    known = frozenset(word for line in new for word in line.words)
    losses, edges = list[Loss](), list[Loss]()
    for (old_start, new_start), (old_end, new_end) in pairwise(
        [(-1, -1), *pairs, (len(old), len(new))]
    ):
        put, gone = new[new_start + 1 : new_end], tuple(old[old_start + 1 : old_end])
        lost = [line for line in gone if line.words - known]
        if put and put[-1].is_comment and put[-1].text not in original:
            code_lines = sum(not line.is_comment for line in put)
            if len(lost) >= MIN_LOST_EDGE + code_lines:
                losses.append(Loss(gone, put[-1].text))
        elif not put and not is_other_code and any(line.indent == 0 for line in lost):
            is_edge = old_start < 0 or old_end == len(old)
            (edges if is_edge else losses).append(Loss(gone))
    losses = [loss for loss in losses if loss.comment or len(loss.lines) >= MIN_LOST_LINES]
    is_excerpt = sum(len(loss.lines) for loss in edges) >= MIN_LOST_EDGE
    return [*(edges if is_excerpt else ()), *losses]


def read_lines(text: str, language: Language | None = None) -> list[Line]:
    """The lines of a text that have a word, and which of them are comments of a language."""
    whole = text.expandtabs().split("\n")
    comments = comment_lines(text, language) if language else frozenset[int]()
    indents = [len(line) - len(line.lstrip()) for line in whole if line.strip()]
    least = min(indents, default=0)
    return [
        Line(line.strip(), len(line) - len(line.lstrip()) - least, number in comments)
        for number, line in enumerate(whole)
        if WORD.search(line)
    ]


def comment_lines(text: str, language: Language) -> frozenset[int]:
    """The numbers of the lines that have a comment, and beside it only punctuation."""
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


def pair_lines(old: Sequence[Line], new: Sequence[Line]) -> Iterator[tuple[int, int]]:
    """Which line came from which, in order: those that are equal, and between them the alike."""
    matcher = SequenceMatcher(None, [line.text for line in old], [line.text for line in new], False)
    for kind, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        if kind == "equal":
            yield from zip(range(old_start, old_end), range(new_start, new_end), strict=True)
        elif kind == "replace":
            alike = pair_alike(old[old_start:old_end], new[new_start:new_end])
            yield from ((old_start + one, new_start + other) for one, other in alike)


def pair_alike(old: Sequence[Line], new: Sequence[Line]) -> list[tuple[int, int]]:
    """The longest row of pairs of lines that are alike, in order."""
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
    """Whether a line may have become another: most words are the same, the first one too."""
    first, other = WORD.search(old.text), WORD.search(new.text)
    if not first or not other or first[0] != other[0]:
        return False
    return 2 * len(old.words & new.words) >= MIN_LIKENESS * (len(old.words) + len(new.words))
