"""Rows of texts in columns, for terminals and pipes."""

import sys
from collections.abc import Sequence

from starcoder_cli.terminal.output import is_terminal
from starcoder_cli.terminal.sanitize import to_one_line

SEPARATOR = "  "
CUT_SIGN = "…"


def format_columns(rows: Sequence[tuple[str, ...]], *, full_width: bool = False) -> str:
    """Format rows: aligned and cut to a terminal's width, or separated by tabs in a pipe.

    A first row that ends in an empty text is a heading, which a pipe does not get. Nothing is cut
    at `full_width`; otherwise a cut line ends in `…`, which is only ever inside the last cell, or
    the first if there is no room for more.
    """
    displayed = [tuple(to_one_line(cell) for cell in row) for row in rows]
    if not is_terminal(sys.stdout):
        body = displayed[1:] if not displayed[0][-1] else displayed
        return "".join("\t".join(row) + "\n" for row in body)
    import shutil

    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) for column in zip(*displayed, strict=True)]
    max_width = sum(widths) + len(SEPARATOR) * len(widths)
    if not full_width:
        max_width = max(1, shutil.get_terminal_size().columns)
    return "".join(f"{format_row(row, widths, max_width)}\n" for row in displayed)


def format_row(cells: Sequence[str], widths: Sequence[int], max_width: int) -> str:
    """Format a row with cells of the given widths, cut if it does not fit."""
    from rich.cells import cell_len, set_cell_size

    line = SEPARATOR.join(map(set_cell_size, cells, widths)).rstrip()
    if cell_len(line) <= max_width:
        return line
    whole, end = 0, 0  # the cells that fit before a cut sign, and where they end
    for width in widths[:-1]:
        if end + width + len(SEPARATOR + CUT_SIGN) > max_width:
            break
        whole, end = whole + 1, end + width + len(SEPARATOR)
    is_text = whole in (0, len(cells) - 1)
    start = SEPARATOR.join(map(set_cell_size, (*cells[:whole], ""), (*widths[:whole], 0)))
    part = set_cell_size(cells[whole], max_width - end - 1).rstrip() if is_text else ""
    return f"{start}{part}{CUT_SIGN}"
