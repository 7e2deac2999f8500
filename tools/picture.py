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
from collections.abc import Iterator
from html import escape
from itertools import groupby
from pathlib import Path

import pyte

COLUMNS, ROWS = 88, 40
ROOT = Path(__file__).parent.parent
COMMANDS = (
    "starcoder fill examples/unique.go:13 --max-tokens 64",
    "starcoder fill examples/groups.js:8 --max-tokens 64",
)
CELL_WIDTH, LINE_HEIGHT, MARGIN, TITLE_HEIGHT = 12, 24, 10, 40
TEXT_COLOUR, BACKGROUND = "#c5c8c6", "#292929"
COLOURS = {
    "black": "#4b4e55", "red": "#cc555a", "green": "#98a84b", "brown": "#d0b344",
    "blue": "#608ab1", "magenta": "#98729f", "cyan": "#68a0b3", "white": "#c5c8c6",
    "brightblack": "#9a9b99", "brightred": "#ff2627", "brightgreen": "#00823d",
    "brightbrown": "#d08442", "brightblue": "#1984e9", "brightmagenta": "#ff2c7a",
    "brightcyan": "#398280", "brightwhite": "#fdfdc5",
}  # fmt: skip


def screen(command: str) -> pyte.Screen:
    """What a terminal shows after a command has run on it."""
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


Word = tuple[int, str, str, str]
"""The column of a word, its characters, its colour and its weight."""


def split_words(column: int, text: str, colour: str, weight: str) -> Iterator[Word]:
    """The words of a text that begins at a column."""
    for word in re.finditer(r"\S+", text):
        yield column + word.start(), word[0], colour, weight


def words_of(shown: pyte.Screen, row: int) -> Iterator[Word]:
    """The words in a row of a screen, each in one style."""
    cells = [(column, shown.buffer[row][column]) for column in range(COLUMNS)]
    for (colour, bold), run in groupby(cells, lambda cell: (cell[1].fg, cell[1].bold)):
        part = list(run)
        text = "".join(cell.data for _, cell in part)
        weight = "bold" if bold else "normal"
        yield from split_words(part[0][0], text, COLOURS.get(colour, TEXT_COLOUR), weight)


def picture_lines() -> Iterator[list[Word]]:
    """The words in each line of the picture: the commands, and what they leave on the screen."""
    screen(COMMANDS[0])  # whose note on the server it starts is not part of the picture
    for command in COMMANDS:
        prompt = (0, "$", COLOURS["green"], "bold")
        yield [prompt, *split_words(2, command, TEXT_COLOUR, "bold")]
        shown = screen(command)
        lines = [list(words_of(shown, row)) for row in range(ROWS)]
        while lines and not lines[-1]:
            lines.pop()
        yield from lines
        yield []


def draw(output: str) -> None:
    """Run the commands and write the picture.

    Each word stands at its own place, so that columns are right in a viewer that has another font
    or does not know `textLength`.
    """
    lines = list(picture_lines())
    width = COLUMNS * CELL_WIDTH + 2 * MARGIN
    height = len(lines) * LINE_HEIGHT + TITLE_HEIGHT + MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'font-family="monospace" font-size="20" xml:space="preserve">',
        f'<rect width="{width}" height="{height}" rx="8" fill="{BACKGROUND}"/>',
        *(
            f'<circle cx="{22 + 22 * number}" cy="20" r="7" fill="{colour}"/>'
            for number, colour in enumerate(("#ff5f57", "#febc2e", "#28c840"))
        ),
        f'<text x="{width / 2:g}" y="26" fill="{TEXT_COLOUR}" font-weight="bold" '
        'text-anchor="middle">starcoder</text>',
    ]
    for row, words in enumerate(lines):
        y = TITLE_HEIGHT + (row + 1) * LINE_HEIGHT - 6
        for column, word, colour, weight in words:
            parts.append(
                f'<text x="{MARGIN + column * CELL_WIDTH}" y="{y}" fill="{colour}" '
                f'font-weight="{weight}" textLength="{len(word) * CELL_WIDTH}" '
                f'lengthAdjust="spacingAndGlyphs">{escape(word)}</text>'
            )
    Path(output).write_text("\n".join([*parts, "</svg>", ""]), encoding="utf-8")


if __name__ == "__main__":
    draw(sys.argv[1])
