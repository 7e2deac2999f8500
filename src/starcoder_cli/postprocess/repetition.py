"""An answer that goes round in circles, or tells what follows it in other words."""

from collections.abc import Callable, Iterable
from typing import TypeAlias

from starcoder_cli.postprocess.hold_back import hold_back
from starcoder_cli.postprocess.indentation import indent_columns
from starcoder_cli.stream import Chunk, Stream

REPEATED_BLOCK_LENGTHS = range(1, 5)  # lines of a block that is repeated
MIN_SIMILARITY = 0.6  # of two lines, as difflib measures it

LineJudge: TypeAlias = Callable[[list[str]], tuple[int, bool]]


def until_lines_check(chunks: Iterable[Chunk], name: str, check: LineJudge, suffix: str) -> Stream:
    """An answer for as long as a check of its lines so far, the last one unfinished, lets it go on.

    The check says how many lines can be shown, and whether the answer ends behind those.
    """

    def decide(text: str, last: bool) -> tuple[int, str]:
        lines = text.split("\n")
        count, has_ended = check(lines)
        end = len("\n".join(lines[:count]))
        if has_ended:
            return end + (bool(count) and not suffix.startswith("\n")), name
        return (len(text) if last else end), ""

    return hold_back(chunks, decide)


def check_repetition(lines: list[str]) -> tuple[int, bool]:
    """Find lines that go round in circles: four equal ones, or three equal blocks of them."""
    *complete, last = lines
    longest_run = 0
    for period in REPEATED_BLOCK_LENGTHS:
        run_length = 0
        while (
            run_length + period < len(complete)
            and complete[-1 - run_length] == complete[-1 - run_length - period]
        ):
            run_length += 1
        longest_run = max(longest_run, run_length)
        block = complete[len(complete) - period :]
        if run_length >= max(3, 2 * period) and any(line.strip() for line in block):
            return len(complete) - run_length, True
    last_may_repeat = any(
        line.startswith(last) for line in complete[-REPEATED_BLOCK_LENGTHS[-1] :] if last.strip()
    )
    may_repeat = longest_run or last_may_repeat
    return (len(complete) - longest_run if may_repeat else len(lines)), False


def make_suffix_check(suffix: str) -> LineJudge:
    """A check for the suffix: its first line in other words, then its second to the letter."""
    first, second = ([line for line in suffix.split("\n") if line.strip()] + ["", ""])[:2]
    second = second.rstrip()

    def check(lines: list[str]) -> tuple[int, bool]:
        *complete, last = lines
        for at, (line, after) in enumerate(zip(complete, lines[1:], strict=True)):
            if after.rstrip() == second and are_similar(line, first):
                return at, True
        if complete and are_similar(complete[-1], first):
            return len(complete) - 1, False
        may_match = not last.strip() or indent_columns(last) == indent_columns(first)
        return (len(complete) if may_match else len(lines)), False

    return check if len(second.strip()) > len("return x") else lambda lines: (len(lines), False)


def are_similar(line: str, other: str) -> bool:
    """Whether two lines stand equally deep and have most of their characters in common."""
    from difflib import SequenceMatcher

    if not line.strip() or indent_columns(line) != indent_columns(other):
        return False
    return SequenceMatcher(None, line.strip(), other.strip()).ratio() >= MIN_SIMILARITY
