"""Where code came from: an index of source code on this machine, and what a text shares with it.

    matches = find_matches(text, "python", index_file())

finds the runs of tokens that a text has in common with the files of an index, the longest first:
each is a `Match` with its `Origin`s. It knows nothing about models or commands. `tokens` defines
what counts as the same code, and `fingerprints` which runs are certain to be found.
"""

from pathlib import Path

from starcoder_cli.attribution.matches import Match


def find_matches(text: str, language: str | None, index: Path) -> list[Match]:
    """What a text shares with an index, longest match first.

    `language` is a name that `find_language` knows; without one the text is tokenized in every
    known way. Raises InputError if there is no index, DataError if the file is not a valid one, and
    UsageError for an unknown language.
    """
    from starcoder_cli.attribution.search import search_index

    return search_index(text, language, index)
