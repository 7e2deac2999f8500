"""Cut a text to the window of a model: whole lines, nearest to the hole first."""

import re
from collections.abc import Callable
from zlib import crc32

from starcoder_cli.model import Hole
from starcoder_cli.system.counting import counted

# No tokenizer here averages more than 24 characters of code per token: counting more text than that
# would only cost time.
MAX_CHARACTERS_PER_TOKEN = 24

MIN_STEADY_LINES, BEGINNING_LINES = 32, 12
"""A longer prefix starts at the one of its first lines whose hash is smallest: its start then stays
the same while somebody types, and a model need not read it again. Text before that does not matter:
an editor may send a fixed number of lines, starting at another one each time.
"""


def fit_hole(hole: Hole, budget: int, count_tokens: Callable[[str], int]) -> Hole:
    """Drop whole lines far from the hole until what is left costs at most `budget` tokens.

    The suffix may use a quarter of the budget, plus what the prefix does not need. A line longer
    than its share loses its far end if nothing else is left to read.
    """
    max_characters = budget * MAX_CHARACTERS_PER_TOKEN
    nearby = Hole(last_lines(hole.prefix, max_characters), first_lines(hole.suffix, max_characters))
    suffix_cost = count_tokens(nearby.suffix)
    if nearby == hole and count_tokens(nearby.prefix) + suffix_cost <= budget:
        return hole
    prefix_budget = max(budget - min(suffix_cost, budget // 4), 1)
    prefix = fit_lines(nearby.prefix, prefix_budget, count_tokens, keep_end=True)
    return Hole(
        prefix,
        fit_lines(nearby.suffix, budget - count_tokens(prefix), count_tokens, keep_end=False),
    )


def last_lines(text: str, characters: int) -> str:
    """The whole lines among the last characters, or all of those if no such line has text."""
    if len(text) <= characters:
        return text
    nearby = text[len(text) - characters :]
    _, _, whole = nearby.partition("\n")
    return whole if whole.strip() else nearby


def first_lines(text: str, characters: int) -> str:
    """The whole lines among the first characters, or those characters if no line is whole."""
    if len(text) <= characters:
        return text
    nearby = text[:characters]
    whole, newline, _ = nearby.rpartition("\n")
    return whole + newline or nearby


def fit_lines(text: str, budget: int, count_tokens: Callable[[str], int], *, keep_end: bool) -> str:
    """The longest run of whole lines at one end of the text that costs at most `budget`.

    It is a run of characters if no line fits, or if the last ones have no text: a model must read
    some of the very long line before them.
    """
    lines = re.findall("[^\n]*\n|[^\n]+", text)
    line_count = find_largest(
        len(lines), lambda n: count_tokens("".join(take_lines(lines, n, keep_end))) <= budget
    )
    if keep_end and MIN_STEADY_LINES <= line_count < len(lines):
        line_count = steady_count(lines, line_count)
    kept = "".join(take_lines(lines, line_count, keep_end))
    if line_count == len(lines) or (kept.strip() if keep_end else kept):
        return kept
    character_count = find_largest(
        len(text), lambda n: count_tokens(take_characters(text, n, keep_end)) <= budget
    )
    return take_characters(text, character_count, keep_end)


def steady_count(lines: list[str], most: int) -> int:
    """How many of the last lines to keep, from a line that stays the first for some time."""
    first = len(lines) - most
    beginnings = lines[first : first + BEGINNING_LINES]
    hashes = [crc32(line.encode("utf-8", "replace")) for line in beginnings]
    return most - hashes.index(min(hashes))


def take_lines(lines: list[str], count: int, keep_end: bool) -> list[str]:
    """The last or the first lines."""
    return lines[len(lines) - count :] if keep_end else lines[:count]


def take_characters(text: str, count: int, keep_end: bool) -> str:
    """The last or the first characters."""
    return text[len(text) - count :] if keep_end else text[:count]


def find_largest(upper: int, does_fit: Callable[[int], bool]) -> int:
    """The largest number up to `upper` that fits, provided that every smaller one does."""
    low, high = 0, upper
    while low < high:
        middle = (low + high + 1) // 2
        if does_fit(middle):
            low = middle
        else:
            high = middle - 1
    return low


def left_out(whole: str, kept: str) -> str:
    """How much of a text is missing, for people."""
    lines = whole.count("\n") - kept.count("\n")
    return counted(lines, "line") if lines else counted(len(whole) - len(kept), "character")
