"""Where code came from: an index of source code on this machine, and what a text shares with it.

    matches = trace(text, "python", index_file())

finds the runs of tokens that a text has in common with the files of an index, the longest first:
each is a `Match` with its `Origin`s. It knows nothing of models or commands. What counts as the
same code is in `lexing`, which runs are found for sure in `fingerprints`.
"""

from dataclasses import dataclass
from pathlib import Path


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


def index_file(named: str | None = None) -> Path:
    """Where the index is: the file that is named, or the one in the user's data folder."""
    from starcoder_cli.settings import data_dir

    return Path(named) if named else data_dir() / "index.sqlite"


def trace(text: str, language: str | None, index: Path) -> list[Match]:
    """What a text shares with an index, the longest first.

    `language` is a name that `languages.find` knows; without one the text is read in each way there
    is. Raises InputError where there is no index, DataError where the file is no sound one, and
    UsageError for an unknown language.
    """
    from starcoder_cli.attribution.search import search

    return search(text, language, index)
