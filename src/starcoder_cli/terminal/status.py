"""A line at a terminal that says what is going on, and is gone afterwards.

What is typed meanwhile is for whoever reads next, such as a shell: the terminal keeps it, and shows
it only when the line is gone.
"""

import atexit
import os
import sys
from unicodedata import east_asian_width

from starcoder_cli.terminal.sanitize import sanitize

DEFAULT_COLUMNS = 80
CUT_SIGN = "…"


def draw_status(text: str) -> None:
    """Put a text in place of the line; an empty one takes it away."""
    if text:
        set_echo(False)
    # In the last column it would begin another line, which would stay.
    line = cut_to_width(sanitize(text), terminal_columns() - 1)
    sys.stderr.write(f"\r\x1b[K{line}")
    sys.stderr.flush()
    if not text:
        set_echo(True)


def cut_to_width(text: str, width: int) -> str:
    """A text that takes at most so many columns, with a sign where it is cut."""
    columns, end = 0, 0
    for at, character in enumerate(text):
        columns += 2 if east_asian_width(character) in "WF" else 1
        if columns > width:
            return text[:end].rstrip() + CUT_SIGN
        if columns < width:
            end = at + 1
    return text


def terminal_columns() -> int:
    """How many columns the terminal of standard error has."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or DEFAULT_COLUMNS
    except (OSError, ValueError):
        return DEFAULT_COLUMNS


class Echo:
    """Whether the terminal shows what is typed, as far as this program has changed it."""

    hidden = False


def set_echo(shown: bool) -> None:
    """Let the terminal show what is typed, or not; nothing where it may be somebody else's too.

    Another program of a pipeline may be reading from it, and a job in the background would be
    stopped.
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
    """Leave the terminal as it was."""
    set_echo(True)


def owns_terminal() -> bool:
    """Whether all standard streams are a terminal, and this process is in its foreground."""
    streams = (sys.stdin, sys.stdout, sys.stderr)
    try:
        return os.name == "posix" and all(
            stream is not None and stream.isatty() and os.tcgetpgrp(stream.fileno()) == os.getpgrp()
            for stream in streams
        )
    except (OSError, ValueError):
        return False
