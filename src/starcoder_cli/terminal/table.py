"""Rows of texts in columns, for terminals and pipes alike."""

import sys
from collections.abc import Sequence

from starcoder_cli.terminal.output import is_terminal
from starcoder_cli.terminal.sanitize import to_one_line


def format_columns(rows: Sequence[tuple[str, ...]], *, full_width: bool = False) -> str:
    """Rows as text: aligned and cut to the width of a terminal, with tabs between in a pipe.

    A first row that ends in an empty text is a heading, which a pipe does not get. Nothing
    is cut at `full_width`.
    """
    displayed = [tuple(to_one_line(cell) for cell in row) for row in rows]
    if not is_terminal(sys.stdout):
        body = displayed[1:] if not displayed[0][-1] else displayed
        return "".join("\t".join(row) + "\n" for row in body)
    import shutil

    widths = [max(len(cell) for cell in column) for column in zip(*displayed, strict=True)]
    max_width = None if full_width else shutil.get_terminal_size().columns
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip()[:max_width] for row in displayed)
    return "".join(f"{line}\n" for line in lines)
