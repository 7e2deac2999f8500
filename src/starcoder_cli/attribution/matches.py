"""What a text shares with an index: the position of each part, and whose code it is."""

from dataclasses import dataclass

from starcoder_cli.files.source import LINE_END


@dataclass(frozen=True)
class Origin:
    """A place in an indexed file with the same code: its project, position and licence.

    Lines are from 1, the last one included. `licence` is an SPDX expression, empty if unknown.
    `root` is the folder or archive that `path` was found in, `tokens` is the number of consecutive
    tokens known to be equal.
    """

    project: str
    version: str
    path: str
    first: int
    last: int
    licence: str
    tokens: int
    root: str


@dataclass(frozen=True)
class Match:
    """A part of a text that is in the index, in characters from 0, the end exclusive, and in lines.

    `more` is the number of further origins not listed; `licences` are those of all origins.
    """

    start: int
    end: int
    first: int
    last: int
    tokens: int
    origins: tuple[Origin, ...]
    more: int
    licences: tuple[str, ...]


def line_at(text: str, offset: int) -> int:
    """The line, from 1, that contains a character of a text."""
    return len(LINE_END.findall(text, 0, offset)) + 1
