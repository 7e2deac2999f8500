"""Code beside the code that it matches, in two columns at a terminal."""

import shutil
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from starcoder_cli.sanitize import sanitize
from starcoder_cli.terminal import DIM, RESET

MOST_LINES = 12
BORDER = " │ "


def beside(
    left: Sequence[str], left_first: int, right: Sequence[str], right_first: int, color: bool
) -> Iterator[str]:
    """The first lines of two texts, numbered and cut to half the width each, with what is left."""
    last = max(left_first + len(left), right_first + len(right))
    digits = len(str(last))
    width = max(20, (shutil.get_terminal_size().columns - len(BORDER)) // 2 - digits - 1)
    pairs = zip_longest(left[:MOST_LINES], right[:MOST_LINES])
    for at, (one, other) in enumerate(pairs):
        mine = cell(left_first + at, one, digits, width, color)
        theirs = cell(right_first + at, other, digits, width, color)
        yield f"{mine}{BORDER}{theirs}".rstrip() + "\n"
    more = max(len(left), len(right)) - MOST_LINES
    if more > 0:
        text = f"… {more} more lines"
        yield f"{DIM}{text}{RESET}\n" if color else f"{text}\n"


def cell(number: int, line: str | None, digits: int, width: int, color: bool) -> str:
    """One line with its number, exactly as wide as a column."""
    from rich.cells import set_cell_size

    if line is None:
        return " " * (digits + 1 + width)
    text = set_cell_size(sanitize(line.rstrip("\r")).expandtabs(4), width)
    mark = f"{number:>{digits}} "
    return f"{DIM}{mark}{RESET}{text}" if color else mark + text
