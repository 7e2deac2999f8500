"""Rows of texts in columns, for terminals and pipes alike."""

import sys
from collections.abc import Sequence

from starcoder_cli.terminal.output import is_terminal
from starcoder_cli.terminal.sanitize import one_line


def table(rows: Sequence[tuple[str, ...]], *, whole: bool = False) -> str:
    """Rows as text: aligned and cut to the width of a terminal, with tabs between in a pipe.

    A first row that ends in an empty text is a heading, which a pipe does not get. `whole` cuts
    nothing.
    """
    shown = [tuple(one_line(cell) for cell in row) for row in rows]
    if not is_terminal(sys.stdout):
        body = shown[1:] if not shown[0][-1] else shown
        return "".join("\t".join(row) + "\n" for row in body)
    import shutil

    widths = [max(len(cell) for cell in column) for column in zip(*shown, strict=True)]
    room = None if whole else shutil.get_terminal_size().columns
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip()[:room] for row in shown)
    return "".join(f"{line}\n" for line in lines)
