"""What of a text fits the window of a model: whole lines, nearest to the hole first."""

import re
from collections.abc import Callable

from starcoder_cli.files.source import Hole

# No tokenizer here has tokens of more than 24 characters of code on average: reading more than
# that to count it would only cost time.
CHARACTERS_PER_TOKEN = 24


def fit(hole: Hole, budget: int, count: Callable[[str], int]) -> Hole:
    """Drop whole lines far from the hole until what is left costs at most `budget` tokens.

    The suffix may use a quarter of the budget, and what the prefix does not need of the rest.
    A single line that is longer than its share loses its far end.
    """
    reach = budget * CHARACTERS_PER_TOKEN
    near = Hole(last_lines(hole.prefix, reach), first_lines(hole.suffix, reach))
    suffix_cost = count(near.suffix)
    if near == hole and count(near.prefix) + suffix_cost <= budget:
        return hole
    share = max(budget - min(suffix_cost, budget // 4), 1)
    prefix = longest(near.prefix, share, count, keep_end=True)
    return Hole(prefix, longest(near.suffix, budget - count(prefix), count, keep_end=False))


def last_lines(text: str, characters: int) -> str:
    """The whole lines among the last characters, or those characters where no line is whole."""
    if len(text) <= characters:
        return text
    near = text[len(text) - characters :]
    _, newline, whole = near.partition("\n")
    return whole if newline else near


def first_lines(text: str, characters: int) -> str:
    """The whole lines among the first characters, or those characters where no line is whole."""
    if len(text) <= characters:
        return text
    near = text[:characters]
    whole, newline, _ = near.rpartition("\n")
    return whole + newline or near


def longest(text: str, budget: int, count: Callable[[str], int], *, keep_end: bool) -> str:
    """The longest run of whole lines at one end of the text that costs at most `budget`."""
    lines = re.findall("[^\n]*\n|[^\n]+", text)
    kept = most(len(lines), lambda n: count("".join(part(lines, n, keep_end))) <= budget)
    if kept or not lines:
        return "".join(part(lines, kept, keep_end))
    nearest = lines[-1] if keep_end else lines[0]
    fits = most(len(nearest), lambda n: count(slice_of(nearest, n, keep_end)) <= budget)
    return slice_of(nearest, fits, keep_end)


def part(lines: list[str], count: int, keep_end: bool) -> list[str]:
    """The last or the first lines."""
    return lines[len(lines) - count :] if keep_end else lines[:count]


def slice_of(text: str, count: int, keep_end: bool) -> str:
    """The last or the first characters."""
    return text[len(text) - count :] if keep_end else text[:count]


def most(upper: int, fits: Callable[[int], bool]) -> int:
    """The largest number up to `upper` that fits, where every smaller one does too."""
    low, high = 0, upper
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    return low
