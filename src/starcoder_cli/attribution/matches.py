"""What a text shares with an index: where each part is, and whose code it is."""

from dataclasses import dataclass

from starcoder_cli.files.source import LINE_END


@dataclass(frozen=True)
class Origin:
    """A place in an indexed file that has the same code: whose it is, where, and its licence.

    Lines are from 1, the last one included. `licence` is an SPDX expression, empty where nobody
    knows. `root` is the folder or archive that `path` was found in, `tokens` how many tokens in a
    row are known to be the same.
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

    `more` is how many origins there are beside those named; `licences` are those of all of them.
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
    """The line, from 1, that a character of a text is on."""
    return len(LINE_END.findall(text, 0, offset)) + 1
