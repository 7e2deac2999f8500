"""A status line at a terminal that disappears afterwards.

Text typed meanwhile is for the next reader, such as a shell: the terminal keeps it, and shows it
only when the line is gone.
"""

import atexit
import os
import sys
from unicodedata import east_asian_width

from starcoder_cli.terminal.sanitize import sanitize

DEFAULT_COLUMNS = 80
CUT_SIGN = "…"


def draw_status(text: str) -> None:
    """Replace the status line; an empty text removes it."""
    if text:
        set_echo(False)
    # In the last column it would start another line, which would stay.
    line = cut_to_width(sanitize(text), terminal_columns() - 1)
    sys.stderr.write(f"\r\x1b[K{line}")
    sys.stderr.flush()
    if not text:
        set_echo(True)


def cut_to_width(text: str, width: int) -> str:
    """Cut a text to a number of columns, marking the cut."""
    columns, end = 0, 0
    for at, character in enumerate(text):
        columns += 2 if east_asian_width(character) in "WF" else 1
        if columns > width:
            return text[:end].rstrip() + CUT_SIGN
        if columns < width:
            end = at + 1
    return text


def terminal_columns() -> int:
    """The width of standard error's terminal in columns."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or DEFAULT_COLUMNS
    except (OSError, ValueError):
        return DEFAULT_COLUMNS


class Echo:
    """Whether the terminal shows what is typed, as far as this program has changed it."""

    hidden = False


def set_echo(shown: bool) -> None:
    """Turn the terminal's echo on or off; does nothing if it may be shared.

    Another program in a pipeline may be reading from it, and a background job would be stopped.
    """
    if shown != Echo.hidden or not owns_terminal():
        return
    import termios

    try:
        descriptor = sys.stdin.fileno()
        attributes = termios.tcgetattr(descriptor)
        if not shown and not attributes[3] & termios.ECHO:
            return
        attributes[3] = attributes[3] | termios.ECHO if shown else attributes[3] & ~termios.ECHO
        termios.tcsetattr(descriptor, termios.TCSADRAIN, attributes)
    except (termios.error, OSError, ValueError):
        return
    Echo.hidden = not shown
    (atexit.unregister if shown else atexit.register)(restore_echo)


def restore_echo() -> None:
    """Restore the terminal."""
    set_echo(True)


def owns_terminal() -> bool:
    """Whether all standard streams are a terminal with this process in its foreground."""
    streams = (sys.stdin, sys.stdout, sys.stderr)
    try:
        return os.name == "posix" and all(
            stream is not None and stream.isatty() and os.tcgetpgrp(stream.fileno()) == os.getpgrp()
            for stream in streams
        )
    except (OSError, ValueError):
        return False
