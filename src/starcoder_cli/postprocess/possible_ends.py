"""Places where an answer may end, except those inside a text of several lines."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from starcoder_cli.postprocess.soundness import SoundnessCheck

MAX_CANDIDATES, MAX_LAST_CANDIDATES = 8, 56


@dataclass(frozen=True)
class End:
    """A place where an answer may end, and the rule that says so.

    If the file is as sound with it as with more, one that `is_preferred` ends an answer that does
    not stop by itself, and a strong one ends any.
    """

    position: int
    rule: str
    is_preferred: bool = False
    is_strong: bool = False


def standing_ends(ends: list[End], may_stand: Callable[[int], bool]) -> list[End]:
    """Return the ends without those of a suffix that does not begin there after all.

    Of very many the first and the last, so that thousands take no more time than some.
    """
    kept = [*ends[:MAX_CANDIDATES], *ends[MAX_CANDIDATES:][-MAX_LAST_CANDIDATES:]]
    return [end for end in kept if end.rule != "suffix" or may_stand(end.position)]


def divide_ends(ends: list[End], answer: str, check: SoundnessCheck) -> tuple[list[End], list[End]]:
    """Return the first ends in an answer's code, and all ends in a multi-line text still open.

    Ends in a string, a heredoc or a comment that the answer has closed are dropped, unless the
    suffix begins there and ends the text.
    """
    inside, inside_open = check.lines_in_texts(answer), check.lines_in_open_text(answer)
    free, waiting = list[End](), list[End]()
    for end in ends:
        line = answer.count("\n", 0, end.position)
        in_text = line in inside or line in inside_open
        if not in_text or (end.rule == "suffix" and check.ends_texts(answer[: end.position])):
            free.append(end)
        elif line in inside_open:
            waiting.append(end)
    return free[:MAX_CANDIDATES], waiting


def before_second_block(
    ends: list[End], end: End, repeats: Callable[[int, int], bool], errors: Callable[[End], int]
) -> End:
    """The first end at the suffix after which an answer repeats its block, else a later `end`.

    `repeats` says whether the answer leaves the block and opens it again between two positions; the
    first end counts if the file is as sound with it.
    """
    earlier = (
        each for each in ends if each.rule == "suffix" and repeats(each.position, end.position)
    )
    return next((each for each in earlier if errors(each) <= errors(end)), end)


def best_end(ends: Iterable[End], errors: Callable[[End], int]) -> End:
    """The end that leaves the fewest errors; among equals a preferred, a strong, then the first."""
    return min(ends, key=lambda end: (errors(end), not end.is_preferred, not end.is_strong))
