"""Draw the README's picture from a real run: commands at a real terminal, as one SVG.

    python tools/picture.py OUTPUT.svg

Each command runs at a pseudo-terminal of its own with the default model, so the picture shows what
a person sees when it is done. Needs the model, and pyte from the development tools.
"""

import os
import pty
import re
import subprocess
import sys
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import pyte

if TYPE_CHECKING:
    from rich.style import Style

COLUMNS, ROWS = 88, 40
ROOT = Path(__file__).parent.parent
COMMANDS = (
    "starcoder fill examples/unique.go:13 --max-tokens 64",
    "starcoder fill examples/groups.js:8 --max-tokens 64",
)
COLOURS = {"brown": "yellow", "brightbrown": "bright_yellow"}


def screen(command: str) -> pyte.Screen:
    """The contents of a terminal after a command has run in it."""
    shown = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(shown)
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(
        command.split(), cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    )
    os.close(theirs)
    while data := read(ours):
        stream.feed(data)
    if process.wait():
        sys.exit(f"{command} failed")
    return shown


def read(descriptor: int) -> bytes:
    """The next output; empty at its end, which Linux reports as an error."""
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return b""


def style_of(cell: pyte.screens.Char) -> "Style":
    """A cell's colour, in Rich's terms."""
    from rich.style import Style

    colour = COLOURS.get(cell.fg, cell.fg.replace("bright", "bright_"))
    return Style(color=None if colour == "default" else colour, bold=cell.bold)


def draw(output: str) -> None:
    """Run the commands and write the picture."""
    from rich.console import Console
    from rich.text import Text

    console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"), color_system="256")  # noqa: PTH123, SIM115
    for command in COMMANDS:
        console.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
        shown = screen(command)
        lines = []
        for row in range(ROWS):
            line = Text()
            cells = [shown.buffer[row][column] for column in range(COLUMNS)]
            for style, run in groupby(cells, style_of):
                line.append("".join(cell.data for cell in run), style)
            line.rstrip()
            lines.append(line)
        while lines and not lines[-1].plain:
            lines.pop()
        for line in lines:
            console.print(line, no_wrap=True)
        console.print()
    # A picture in a README must not load fonts from elsewhere.
    picture = re.sub(
        r"@font-face \{.*?\}\s*", "", console.export_svg(title="starcoder"), flags=re.S
    )
    Path(output).write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    draw(sys.argv[1])
